"""English wording of the support desk: at least six ways to ask per problem, one answer per circumstance."""

from __future__ import annotations

from .situations import Case, Wording

GREETINGS = ("", "", "", "Hi! ", "Hello. ", "Good morning. ")
CLOSINGS = ("", "", "", " Thanks.", " Thank you.")


def _warranty(fault: str, step: str, then: str) -> dict[str, Case]:
    """Both warranty circumstances of a fault; `step` is what to do first, `then` leads to the repair."""
    return {
        "in_warranty": Case(
            ("I bought it five months ago.", "It is only eight months old.", "It is still under warranty."),
            f"The {{p}} {fault} and is under two years old, so the free warranty repair applies.",
            f"{step} {then} the repair is free under the two-year warranty.",
        ),
        "out_of_warranty": Case(
            ("I bought it three years ago.", "It is already four years old.", "The warranty has run out."),
            f"The {{p}} {fault} and is over two years old, so the paid repair applies.",
            f"{step} {then} the repair costs 40 dollars, because the two-year warranty has ended.",
        ),
    }


WORDINGS = {
    "no_power": Wording(
        (
            "My {p} won't turn on. {c} What should I do?",
            "The {p} is completely dead. {c} Can you help?",
            "I press the button and the {p} does nothing. {c}",
            "There is no power in my {p} any more. {c} How do I fix it?",
            "Since this morning the {p} will not start. {c} Please advise.",
            "My {p} does not switch on at all. {c} Is a repair possible?",
            "Help, the {p} shows no light and does not start. {c}",
            "Why does my {p} refuse to turn on? {c}",
        ),
        _warranty(
            "does not turn on",
            "Please plug the {p} into another socket and wait ten minutes.",
            "If it still does not start,",
        ),
    ),
    "burning_smell": Wording(
        (
            "My {p} smells of burning. {c} What should I do?",
            "There is a burnt smell when I use the {p}. {c}",
            "The {p} smells like burnt plastic. {c} Is it safe?",
            "I notice a burning smell from the {p}. {c} Can I keep using it?",
            "A strange burnt smell comes out of my {p}. {c} Please help.",
            "Today the {p} began to smell burnt. {c} Who can repair it?",
            "Is it normal that the {p} smells burnt? {c}",
        ),
        _warranty(
            "smells of burning", "Please unplug the {p} at once and do not use it again.", "We will collect it, and"
        ),
    ),
    "noise": Wording(
        (
            "My {p} makes a loud noise. {c} What can I do?",
            "The {p} has become very noisy. {c}",
            "There is a strange rattle in the {p}. {c} Can you repair it?",
            "Why is my {p} so loud now? {c}",
            "The {p} hums and rattles all the time. {c} Please help.",
            "I hear a grinding sound from the {p}. {c} Is that normal?",
            "Since last week the {p} is much too loud. {c}",
        ),
        _warranty(
            "is too loud",
            "Please place the {p} on a level surface and check for loose parts.",
            "If it is still loud,",
        ),
    ),
    "leak": Wording(
        (
            "My {p} is leaking water. {c} What should I do?",
            "Water comes out under the {p}. {c}",
            "The {p} leaks every time I use it. {c} Can you fix it?",
            "There is a puddle below my {p}. {c} Please help.",
            "Why does the {p} drip all the time? {c}",
            "I found water around the {p}. {c} Is a repair possible?",
            "The bottom of the {p} is always wet. {c}",
        ),
        _warranty("leaks water", "Please empty the water from the {p} and close it firmly.", "If it still leaks,"),
    ),
    "battery": Wording(
        (
            "The battery of my {p} dies too fast. {c} What can I do?",
            "My {p} needs charging three times a day. {c}",
            "The {p} loses half its charge in one hour. {c} Is that normal?",
            "Battery life on the {p} is terrible. {c} Please help.",
            "Why does my {p} run out of battery so quickly? {c}",
            "The {p} battery does not last until noon. {c} Can you replace it?",
            "My {p} drains overnight even when I do not use it. {c}",
        ),
        _warranty(
            "loses its charge too fast",
            "Please update the {p} and restart it.",
            "If the battery still drains fast,",
        ),
    ),
    "change_of_mind": Wording(
        (
            "I do not want the {p} any more. {c} Can I send it back?",
            "How do I return my {p}? {c}",
            "I would like to return the {p}. {c} Is that possible?",
            "The {p} is not what I expected. {c} May I return it?",
            "I changed my mind about the {p}. {c} What are my options?",
            "Can you take back the {p}? {c}",
            "My wife does not like the {p}. {c} Can we give it back?",
        ),
        {
            "3_days": Case(
                ("I ordered it 3 days ago.", "The order is 3 days old.", "I ordered it only three days ago."),
                "The customer wants to return the {p} within seven days, so the free return applies.",
                "You can return the {p} free of charge within seven days. We will send you a prepaid label today.",
            ),
            "20_days": Case(
                ("I ordered it 20 days ago.", "The order is 20 days old.", "I ordered it about twenty days ago."),
                "The customer wants to return the {p} after seven but within thirty days, so the paid return applies.",
                "You can still return the {p} within thirty days, but you pay 8 dollars for shipping.",
            ),
            "40_days": Case(
                ("I ordered it 40 days ago.", "The order is 40 days old.", "I ordered it some forty days ago."),
                "The customer wants to return the {p} after thirty days, so no return is possible.",
                "Sorry, the {p} cannot be returned after thirty days. You can trade it in at any of our stores.",
            ),
        },
    ),
    "wrong_item": Wording(
        (
            "I ordered the {p} but got something else. {c}",
            "You sent me the wrong thing instead of the {p}. {c} What now?",
            "The parcel should hold the {p}, but it is another item. {c}",
            "This is not the {p} that I paid for. {c} Please fix it.",
            "Where is my {p}? A different product came. {c}",
            "The label names another item, but I wanted the {p}. {c} Can you swap it?",
            "I expected the {p} and received another product. {c}",
        ),
        {
            "sealed": Case(
                ("The box is still sealed.", "I have not opened the box.", "The package is unopened."),
                "A wrong item came instead of the {p} and the box is sealed, so the direct exchange applies.",
                "Sorry for the mix-up. The courier collects the sealed box tomorrow and brings your {p} for free.",
            ),
            "opened": Case(
                ("I have already opened the box.", "The box is open.", "I opened the package before I saw it."),
                "A wrong item came instead of the {p} and the box is open, so the exchange after photos applies.",
                "Sorry for the mix-up. Please send us photos of the opened item, and we ship your {p} after the check.",
            ),
        },
    ),
    "damaged": Wording(
        (
            "The {p} has a crack. {c} What should I do?",
            "My new {p} came broken. {c}",
            "The {p} was damaged in the box. {c} Can I get a new one?",
            "There is a big dent in my new {p}. {c}",
            "The {p} was scratched when I unpacked it. {c} Please help.",
            "I unpacked the {p} and one side is broken. {c}",
            "The courier dropped my {p} and it is damaged. {c}",
        ),
        {
            "today": Case(
                ("It arrived today.", "It was delivered this morning.", "The parcel came an hour ago."),
                "The {p} arrived damaged and was reported within two days, so the instant replacement applies.",
                "Sorry about the damage. You told us within two days, so we send a new {p} at once.",
            ),
            "last_week": Case(
                ("It arrived last week.", "It was delivered a week ago.", "The parcel came eight days ago."),
                "The {p} arrived damaged but was reported after two days, so the courier claim applies.",
                "Sorry about the damage. After two days we need photos of the {p}; the courier decides in five days.",
            ),
        },
    ),
    "late": Wording(
        (
            "Where is my {p}? {c}",
            "My {p} has not arrived. {c} When will it come?",
            "I am still waiting for the {p}. {c}",
            "The {p} is not here yet. {c} Is there a problem?",
            "How long does delivery of the {p} take? {c}",
            "Can you check the delivery of my {p}? {c}",
            "No news about my {p} so far. {c} Please check.",
        ),
        {
            "2_days": Case(
                ("I ordered it 2 days ago.", "The order is 2 days old.", "I placed the order two days ago."),
                "The {p} was ordered two days ago and delivery takes five days, so it is on time.",
                "Your {p} is on time. Delivery takes up to five days, so please watch the tracking page.",
            ),
            "9_days": Case(
                ("I ordered it 9 days ago.", "The order is 9 days old.", "I placed the order nine days ago."),
                "The {p} was ordered nine days ago and delivery takes five days, so the late policy applies.",
                "Sorry, your {p} is late. We trace the parcel today and send you a voucher for 10 dollars.",
            ),
        },
    ),
    "new_address": Wording(
        (
            "I need to change the address for my {p}. {c}",
            "Can you send the {p} to another address? {c}",
            "I typed the wrong address for the {p}. {c} What can I do?",
            "I am moving, so please deliver the {p} to my new home. {c}",
            "How do I edit the delivery address of the {p}? {c}",
            "The address on my {p} order is wrong. {c} Please help.",
            "Please ship the {p} to my office instead. {c}",
        ),
        {
            "not_shipped": Case(
                ("It has not shipped yet.", "The order is still being packed.", "The status is not shipped."),
                "The {p} has not shipped and needs a new address, so the customer can edit the order.",
                "No problem, the {p} has not shipped. Open your order, choose edit address and save the new one.",
            ),
            "shipped": Case(
                ("It has already shipped.", "The parcel is on its way.", "The status is shipped."),
                "The {p} has shipped and needs a new address, so only the courier can redirect it.",
                "The {p} has already shipped. Please ask the courier to redirect the parcel, which costs 5 dollars.",
            ),
        },
    ),
    "cancel": Wording(
        (
            "I want to cancel my order for the {p}. {c}",
            "Please cancel the {p}. {c}",
            "How can I cancel the {p} that I ordered? {c}",
            "I ordered the {p} by mistake. {c} Can I cancel it?",
            "Is it too late to cancel my {p}? {c}",
            "I no longer need the {p}, stop the order. {c}",
            "Can you delete my order of the {p}? {c}",
        ),
        {
            "not_shipped": Case(
                ("It has not shipped yet.", "The order is still being packed.", "The status is not shipped."),
                "The customer cancels the {p} before it ships, so the direct cancellation applies.",
                "You can cancel the {p} now under my orders. The money is back in three days.",
            ),
            "shipped": Case(
                ("It has already shipped.", "The parcel is on its way.", "The status is shipped."),
                "The customer cancels the {p} after it shipped, so the parcel must be refused.",
                "The {p} is on its way and cannot be cancelled. Please refuse the parcel, then we refund you.",
            ),
        },
    ),
    "refund_wait": Wording(
        (
            "I am waiting for the refund for my {p}. {c}",
            "When do I get my money back for the {p}? {c}",
            "The refund of the {p} has not arrived. {c} Please check.",
            "Where is my refund for the {p}? {c}",
            "I have not been paid back for the {p}. {c} What is going on?",
            "How long does the refund for the {p} take? {c}",
            "My bank shows no refund for the {p}. {c}",
        ),
        {
            "2_days": Case(
                ("I returned it 2 days ago.", "You got it back 2 days ago.", "I sent it back two days ago."),
                "The {p} came back two days ago and refunds take seven days, so the customer should wait.",
                "We have received your {p}. Refunds take up to seven days, so please wait a little longer.",
            ),
            "12_days": Case(
                ("I returned it 12 days ago.", "You got it back 12 days ago.", "I sent it back twelve days ago."),
                "The {p} came back twelve days ago and refunds take seven days, so the refund is overdue.",
                "Sorry, the refund for your {p} is overdue. Our finance team will pay you within 24 hours.",
            ),
        },
    ),
    "price_drop": Wording(
        (
            "The {p} is cheaper now. {c} Can I get the difference?",
            "You lowered the price of the {p}. {c} Will you refund me?",
            "I paid more for my {p} than it costs today. {c}",
            "Does price protection cover my {p}? {c}",
            "Now the {p} is on sale. {c} Can I have the lower price?",
            "The price of the {p} fell after my purchase. {c} What can you do?",
        ),
        {
            "5_days": Case(
                ("I bought it 5 days ago.", "My order is 5 days old.", "I bought it five days ago."),
                "The price of the {p} fell within fourteen days of purchase, so price protection applies.",
                "Yes, price protection lasts fourteen days. We will refund the price difference for your {p} today.",
            ),
            "25_days": Case(
                ("I bought it 25 days ago.", "My order is 25 days old.", "I bought it twenty-five days ago."),
                "The price of the {p} fell more than fourteen days after purchase, so price protection has ended.",
                "Sorry, price protection for the {p} ended after fourteen days. We cannot refund the difference.",
            ),
        },
    ),
    "invoice": Wording(
        (
            "I need an invoice for the {p}. {c}",
            "How do I get the invoice of my {p}? {c}",
            "There was no invoice with the {p}. {c} Can you send it?",
            "Please issue an invoice for my {p}. {c}",
            "Where can I download the invoice for the {p}? {c}",
            "Could I have a receipt for the {p}? {c}",
        ),
        {
            "personal": Case(
                ("It is for me personally.", "A personal one is enough.", "It is for private use."),
                "The customer wants a personal invoice for the {p}, so the instant download applies.",
                "Open the order of the {p} and choose download invoice. A personal invoice is ready at once.",
            ),
            "company": Case(
                ("It is for my company.", "It must name my company.", "My employer pays for it."),
                "The customer wants a company invoice for the {p}, so a tax number is needed.",
                "Please add the tax number to the order of the {p}. A company invoice is ready in two days.",
            ),
        },
    ),
}
