"""Texts about somebody else: what changes, what stays, and that a gender swapped twice is the first one."""

from random import Random

import pytest

from tunesmith.text.counterfactual import Attribute, genders_named, swap_of


def swapped(attribute: Attribute, *texts: str, protect: tuple[str, ...] = (), seed: int = 0) -> list[str] | None:
    swap = swap_of(texts, attribute, protect, Random(seed))
    return None if swap is None else [swap(text) for text in texts]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("He said his mother gave him the book.", "She said her father gave her the book."),
        ("I told her that it was hers, not his.", "I told him that it was his, not hers."),
        ("I asked her, and her boss agreed with her.", "I asked him, and his boss agreed with him."),
        ("HIS WIFE left; Mrs Brown's husband stayed", "HER HUSBAND left; Mr Brown's wife stayed"),
        ("He is himself a policeman", "She is herself a policewoman"),
        ("他和她的丈夫", "她和他的妻子"),
        ("其他人说，男女都可以，他会弹吉他", "其他人说，男女都可以，她会弹吉他"),
        ("王先生等我先生，性别：男", "王女士等我太太，性别：女"),
        ("这位女员工的外孙女", "这位男员工的外孙"),
        ("the manual [HE] and `his` stay, he goes", "the manual [HE] and `his` stay, she goes"),
    ],
)
def test_genders(text: str, expected: str) -> None:
    assert swapped("gender", text) == [expected]


def test_a_gender_swapped_twice_is_the_first_one() -> None:
    for text in ("He lost his card, and her uncle paid him.", "他的爸爸和我妈妈，李女士的儿子", "My son is a waiter."):
        once = swapped("gender", text)
        assert once is not None
        assert once != [text]
        assert swapped("gender", *once) == [text]


@pytest.mark.parametrize("text", ["She is pregnant", "她怀孕三个月了", "his prostate hurts", "nothing here", "其他"])
def test_what_has_no_other_gender_stays(text: str) -> None:
    assert swapped("gender", text) is None


def test_given_names_follow_the_gender_in_every_text() -> None:
    found = swapped("gender", "Anna Keller lost her card.", "Tell Anna that May and Grace will rise in April.")
    assert found is not None
    new = found[0].split()[0]
    assert new != "Anna"
    assert found == [f"{new} Keller lost his card.", f"Tell {new} that May and Grace will rise in April."]


def test_names_change_for_names_of_their_kind() -> None:
    (one, two) = swapped("name", "Anna Keller wrote. Anna is angry, says Mr Smith.", "Dear Anna Keller,") or ["", ""]
    first, last = two.removeprefix("Dear ").rstrip(",").split()
    assert one.startswith(f"{first} {last} wrote. {first} is angry, says Mr ")
    assert not {"Anna", "Keller", "Smith"} & set(one.replace(".", " ").split())
    assert swapped("gender", one) != [one]  # a woman still
    (chinese,) = swapped("name", "王小明说他的包裹丢了，小明很着急") or [""]
    assert chinese[1:3] == chinese[-5:-3] != "小明"
    assert "他的包裹丢了" in chinese


def test_regions_change_for_regions_of_their_kind() -> None:
    for seed in range(20):
        (text,) = swapped("region", "A Nigerian from Lagos, two Germans in Lagos and Germany", seed=seed) or [""]
        words = text.replace(",", "").split()
        assert words[3] == words[7] != "Lagos"
        assert {words[1], words[5], words[9]}.isdisjoint({"Nigerian", "Germans", "Germany", "German", "Nigeria"})
    (chinese,) = swapped("region", "北京市的客户把包裹寄到长沙发货点，广东人") or [""]
    assert chinese.startswith(("北京",)) is False
    assert chinese.endswith("人")
    assert "广东" not in chinese
    (station,) = swapped("region", "从上海南站出发") or [""]
    assert station.endswith("南站出发")
    assert swapped("region", "in York and Newcastle") is None


def test_phrases_that_are_protected_stay() -> None:
    assert swapped("gender", "the King size bed of his", protect=("king size",)) == ["the King size bed of hers"]
    assert swapped("region", "the Shanghai branch", protect=("shanghai",)) is None


def test_traditional_characters_name_the_same_people() -> None:
    texts = ["爸爸和媽媽在廣東。"]
    assert genders_named(texts) == {"female", "male"}
    gender, region = (swap_of(texts, attribute, (), Random(1)) for attribute in ("gender", "region"))
    assert gender is not None
    assert region is not None
    assert gender(texts[0]) == "妈妈和爸爸在廣東。"
    assert region(texts[0]).startswith("爸爸和媽媽在")
    assert "廣東" not in region(texts[0])
