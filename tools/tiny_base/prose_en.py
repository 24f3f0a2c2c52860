"""English sentence patterns over a topic's slots, by what a sentence does; one pattern a line."""

from __future__ import annotations

# What a person might write to a helper, in the corpus and in the suite.
MESSAGES = """
How do I {act}?
How can I {act}?
Can I {act}?
Can you help me to {act}?
Could you please tell me how to {act}?
What happens if {fault}?
What should I do when {fault}?
What do I need in order to {act}?
What is the fastest way to {act}?
I want to {act}.
I would like to {act}.
I'd like to {act}, please.
I need to {act} [today|tomorrow|this week|soon|].
I tried to {act}, but {fault}.
I've tried to {act}. It didn't work.
I can't {act}. {fault}.
I couldn't {act} because {fault}.
{fault}. What now?
{fault}. Why?
{fault}. What's going on?
{fault}. Is that normal?
Why is it that {fault}?
How come {fault}?
Help! {fault}.
It seems that {fault}.
It looks like {fault}.
I just saw that {fault}.
I don't know what to do, {fault}.
Do I have to {act}?
Is it possible to {act}?
Does anyone know a way to {act}?
When should I {act}?
Will I soon be able to {act}?
Where can I {act}?
Who can help me to {act}?
Is it a problem if {fault}?
{fault}, and nobody can say why.
I think {fault} because {why}.
How long does it take to {act}?
How long will it be until {end}?
Why do I need to {act}?
What does it cost to {act}?
Does it cost anything to {act}?
I forgot to {act}. Is that bad?
I was asked to {act}, but nobody told me how.
Why can't I {act}?
Why won't you let me {act}?
Where is {my} {thing}?
Where do I see {my} {thing}?
I have a question about {my} {thing}.
Something is wrong with {my} {thing}.
There's something odd about the {thing}.
Why was {my} {thing} [so late|changed|not there|so dear|so old]?
Why has {my} {thing} [changed|gone|not come yet]?
Has {my} {thing} [changed|arrived|been found] yet?
Did somebody change {my} {thing}?
I fail to understand why {fault}.
Could it be that {why}?
Please tell me how to {act}.
Am I allowed to {act}?
What is the {thing} for?
Which {thing} do I need?
If {fault}, should I {act}?
{fault} [again|since yesterday|since last week|]. Please help.
[Hello|Hi], {fault}. Can you check?
How many times can I {act}?
Are there any rules if I want to {act}?
Will it help to {act}?
"""
SUITE_MESSAGES = """
I wonder how to {act}.
Is it easy to {act}?
I noticed that {fault}.
Since Monday {fault}.
"""

TROUBLE = """
{fault}.
[Yesterday|This morning|Last week|On Tuesday|Since Friday|Tonight] I saw that {fault}.
[My friend|My mother|A neighbour|A customer|Our teacher|Someone at work] says that {fault}.
It often happens that {fault}.
Sometimes {fault}, and nobody knows why.
I wanted to {act}, but {fault}.
We were about to {act} when we saw that {fault}.
There is a problem with the {thing}: {fault}.
Every year somebody tells us that {fault}.
First everything went well; then we saw that {fault}.
Nobody likes it when {fault}.
It doesn't matter who you are: one day {fault}.
I've been waiting for [hours|days|weeks], and still {fault}.
Not only {fault}; I also couldn't {act}.
Both of us saw it: {fault}.
As far as I know, {fault}.
While others {act}, {fault}.
Whenever I {act}, {fault}.
Nothing seemed strange at first. Now {fault}.
Have you ever seen this? {fault}.
Anyone who wants to {act} will notice it: {fault}.
I haven't been able to {act}, and none of my friends could help.
Once upon a time it was quite easy to {act}. Today {fault}.
"""

CAUSE = """
The reason is that {why}.
This happens because {why}.
[Perhaps|Maybe|Probably] {why}.
Most of the time it means that {why}.
It turned out that {why}.
One cause may be that {why}; another is that {why}.
Either {why}, or {why}.
Why? Because {why}.
If {why}, then it is no wonder that {fault}.
Since {why}, nothing else could be expected.
I first thought that {why}, but in fact {why}.
People say that {why}, which is often true.
Actually, {why}.
That's because {why}.
It isn't anyone's fault: {why}.
We might ask whether {why}.
What nobody had noticed: {why}.
There are several possible causes. For one thing, {why}. For another, {why}.
It may also be that {why}, though this is rather rare.
"""

ADVICE = """
The best thing is to {act}.
You should {act} [first|at once|as soon as you can|].
In that case it helps to {act}.
It is wise to {act} and then to {act}.
Please {act} before you {act}.
If that does not help, you can {act}.
I would {act} and wait [a day|an hour|a week|a little].
Do not {act} until you are sure.
Try to {act}; if it fails, {act}.
Somebody has to {act}, so let's do it now.
My advice is simple: {act}.
You don't need to {act}, but it is better to {act}.
Remember to {act}, and never forget the {thing}.
It is not enough to {act}; you must also {act}.
Rather than {act}, I would {act}.
Unless {end}, you ought to {act}.
It's always good to {act}, even though it takes a while.
You could {act}, or else {act}.
Whoever has this problem should {act}.
Have you already tried to {act}? If not, do it tonight.
You'll have to {act}; there's no other way.
"""

STEPS = """
First {act}. Then {act}. After that, {act}.
First you {act}, then you {act}, and at the end you {act}.
Begin with the {thing}. Next, {act}. Last of all, {act}.
There are three steps: {act}, {act}, and {act}.
To {act}, you need the {thing}. Then you can {act}.
Step one: {act}. Step two: {act}. Step three: {act}.
Before you {act}, {act}. When that is done, {act}.
We {act} in the morning, {act} at noon and {act} in the evening.
While you {act}, somebody else can {act}.
Here is how it works. Take the {thing}. Now {act}. As soon as this is done, {act}.
Look at the {thing} first, because you will need it to {act}. Afterwards {act}.
Once you know how to {act}, you are ready to {act}.
"""

RESULT = """
In the end {end}.
After [some time|two days|a while|a week], {end}.
Then {end}.
So {end}.
If all goes well, {end}.
With a little luck {end}.
As a result, {end}, and everyone is glad.
Usually {end}, even if it takes [long|some time|patience].
That is why {end}.
However, it may take a while until {end}.
Finally {end}, although {fault}.
It won't be long before {end}.
Therefore {end}.
By then {end}, at least in most cases.
I hope that {end}.
Nobody believed it, but {end}.
Neither of us was surprised when we heard: {end}.
"""

EXPLAIN = """
The {x=thing} is important because without it you cannot {act}.
The {thing} and the {thing} often go together.
People who {act} need to think of the {thing}.
There is a difference between the {thing} and the {thing}.
Many people {act} every [day|week|month|year], but few of them think about the {thing}.
When we talk about the {x=thing}, we also think of the {thing} and the {thing}.
Some people {act}; others prefer to {act}.
The more often you {act}, the easier it is to {act}.
Not every {x=thing} is the same: one {x} is new, another {x} is old.
It is useful to know about the {thing}, especially when {fault}.
The {thing} is needed in order to {act}.
What is the {x=thing} good for? For example, it helps when you want to {act}.
Whose {thing} it is does not matter; what matters is to {act}.
Apart from the {thing}, there is also the {thing}.
This text is about the {thing}, the {thing} and the {thing}.
Against all advice, some people never {act}.
Everything has to do with the {thing}.
People have their own way to {act}, and that hasn't changed.
Below the {thing} you find the {thing}; beside it is the {thing}.
Whom shall we ask about the {thing}? Somebody who knows how to {act}.
It wasn't always so simple to {act}; one had to think of the {thing} first.
"""

THINK = """
Okay, let's see. {fault}. Hmm, that could mean that {why}. But wait, {fault} as well. So maybe {why}. \
I think the right step is to {act}.
Let me think about this. First of all, {fault}. What could be behind it? {cause} Another idea is that {why}. \
Still, the first idea fits better. So I would {act}. {result}
So, we have this: {fault}. Now what? If {why}, we should {act}. If not, we had better {act}. {result}
Alright, the question is whether to {act} or to {act}. Since {why}, I'd rather {act}. {result}
Hmm, why is it that {fault}? It might be that {why}. It might also be that {why}. \
To find out, {act}. If it then turns out that {end}, the matter is clear.
We know two things. One: {fault}. Two: {why}. From both together it follows that it is best to {act}.
Wait a moment. Is it really true that {why}? If it were, nobody would {act}. \
Therefore there must be another reason. {cause}
"""

REPLY = """
{cause} {advice}
{advice} {result}
[Yes|Of course|Certainly]. {steps}
[No|Not yet|I am afraid not]. {cause}
That depends. If {fault}, you should {act}. Otherwise {act}.
Thank you for your message. {advice}
We are sorry that {fault}. {advice} {result}
Let us think about it step by step. {cause} {advice}
[Well|Hmm], it seems that {why}. So {act}.
Do not worry. {result}
I'm sorry to hear that. {cause} {advice}
Yes, you can {act}. You only need the {thing}.
No, you can't {act} yet. First {act}.
"""

PARAGRAPHS = """
{trouble} {cause} {advice} {result}
{trouble} {cause} {advice}
{trouble} {advice} {result}
{explain} {steps} {result}
{explain} {explain} {trouble} {cause}
{steps} {cause} {result}
{explain} {steps} {advice}
{ask} {reply} {result}
Question: {ask} Answer: {reply} {advice}
She asked: {ask} {reply} {result}
A customer asks: {ask} The answer is: {reply}
{ask} {ask} {reply} {result}
{think}
{think}
{trouble} {think}
{ask} {think}
Let us think. We know that {fault}. We also know that {why}. So it makes sense to {act}. {result}
{trouble} {trouble} {cause} So the first thing is to {act}. {result}
On the one hand, {fault}. On the other hand, {why}. {advice} {result}
{explain} {advice} {ask}
Suppose that {fault}. What could be the reason? {cause} What can be done? {advice} {result}
{ask} {ask} {ask} These are common questions about the {thing}.
Dear team, {trouble} {ask} Thank you.
{explain} For example, {fault}. {cause} {result}
{trouble} He asked himself: {ask} {cause} {result}
{advice} {advice} Above all, do not forget to {act}. {result}
"""
