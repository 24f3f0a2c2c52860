from tunesmith.text.analysis import segment


def test_words_of_both_languages() -> None:
    assert segment("我的 iPhone 不能充电，it's dead.") == ["我", "的", "iPhone", "不能", "充电", "it's", "dead"]
    assert segment("《》，。!? ") == []
    text = "北京大学的学生喜欢Python编程"
    assert "".join(segment(text)) == text
    assert "北京大学" in segment(text)
