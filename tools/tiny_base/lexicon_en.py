"""Everyday English by topic: what people have, do, suffer, suppose and get.

Each topic has `things` (nouns), `acts` (verb phrases), `faults` (clauses in the present tense), `whys` (clauses that
may explain a fault) and `ends` (clauses that tell how it turns out). `{my}` is a determiner chosen when used.
"""

from __future__ import annotations

TOPICS = """
# delivery
things: parcel; package; letter; envelope; box; postcard; stamp; label; address; doorbell; van; courier; depot;
receipt; signature; tracking number; mailbox; warehouse; postman; crate
acts: track {my} parcel; sign for {my} package; change the delivery address; collect a parcel from the depot;
wait at home for the courier; send a letter abroad; weigh {my} box; print a label; ask a neighbour to take {my} parcel;
report a missing package; pick another delivery day; pay for postage; wrap a fragile vase; call the driver;
return a damaged box
faults: {my} parcel is three days late; the box was crushed on the way; nobody rang the doorbell;
the tracking page shows nothing new; the courier left {my} package in the rain; the label has the wrong street on it;
someone else signed for it; half of the items are missing; the letter came back to me; the depot is closed on Sunday;
the driver could not find the house
whys: the address was not complete; there was heavy snow on the roads; the van broke down;
the warehouse sent it to the wrong town; nobody was at home; the holiday made everything slower;
customs kept it for a check; the label fell off
ends: the package arrives the next morning; the sender pays for the damage; the courier tries again tomorrow;
the depot keeps it for ten days; the parcel goes back to the shop; you get a message with a new date
# shopping
things: shop; basket; trolley; counter; cashier; bargain; discount; brand; size; label; jacket; pair of shoes; carpet;
gift voucher; sale; fitting room; catalogue; shelf; customer; guarantee; till
acts: return a jacket without a receipt; ask for a smaller size; compare two prices; try on a pair of shoes;
use a gift voucher; wait for the summer sale; order a carpet from the catalogue; exchange a broken lamp;
find a cheaper brand; complain to the manager; pay at the counter; keep the receipt; look for a bargain;
cancel an order; wrap it as a gift
faults: the shoes are too tight; the colour is not the one in the picture; the zip broke after one day;
the shelf is empty again; the cashier asked for too much; the voucher has run out;
the shop will not take the jacket back; the dress has a hole in it; the price on the label is wrong;
the queue is very long; the order shows two lamps instead of one
whys: the sale ended yesterday; the label was old; the shop is short of staff; the size runs small;
the guarantee lasts one year only; many customers wanted the same thing; the brand stopped making it;
it was washed too hot
ends: the shop gives the money back; the manager finds another one; the customer takes a different colour;
they mend it for nothing; the price goes down; I buy it somewhere else
# bank
things: bank; branch; savings account; cheque; bank clerk; bank card; cash machine; banknote; coin; interest; loan;
mortgage; debt; statement; balance; standing order; security code; signature; wallet; purse; account number; overdraft;
currency; safe; transfer
acts: open a savings account; pay in a cheque; take out cash; check {my} balance; ask for a loan;
send money to a friend abroad; ask for a fresh bank card; close an old account; choose a new code; read {my} statement;
set up a standing order; change pounds into euros; block a stolen card; prove who I am; pay a bill by phone;
pay some money into {my} account; raise {my} limit; speak to an adviser; save a little every month
faults: the machine kept {my} card; a payment shows up two times; the money has not come yet;
{my} account seems to be frozen; the code is wrong three times; a fee was taken that I do not know;
the cheque was sent back; {my} salary is not there; someone used {my} card in another town;
less is left than there should be; the shop could not take {my} payment; the rate was worse than promised;
{my} purse was stolen on the bus; the cash came out short
whys: the name on the form was spelled wrong; payments take longer at the weekend; the card was too old;
the limit for the day was reached; the bank wanted to check who paid; there was not enough in the account;
a shop charged it by mistake; the machine was out of paper money; the security code had changed;
the currency was a different one
ends: the bank gives the fee back; a new card comes by post; the payment goes through on Monday;
the clerk corrects the mistake; the account opens again; the adviser calls back the same day;
the money returns to the sender
# money
things: price; bill; tax; rent; salary; wage; budget; income; expense; profit; loss; invoice; pension; insurance; fine;
tip; share; investment; market; fund; bond; company; dividend; savings; inflation
acts: pay the rent on time; plan a budget; save for a new roof; cut {my} expenses; ask for a higher wage;
pay tax on {my} income; split the bill; insure {my} house; buy shares in a company; write an invoice; pay off a debt;
lend money to a cousin; put something aside for old age; read the yearly report; compare two kinds of insurance;
claim a loss; sell {my} shares
faults: the rent went up again; the invoice was never paid; the profit fell by half; prices rise faster than wages;
the tax form is hard to read; the company lost its biggest client; the insurance refuses to pay;
{my} savings are almost gone; the bill is twice as high as last month; the share price fell in one day;
the budget does not add up
whys: energy became dear this winter; sales were weak in spring; the form came in too late; the damage was not covered;
somebody added the numbers wrong; investors were afraid; demand was strong; costs were cut early;
the market expected less
ends: the shares rise a little; the debt is paid within a year; the company makes a profit again;
the tax office sends a reminder; we spend less on clothes; the landlord agrees to wait; the fund grows slowly
# health
things: doctor; nurse; hospital; ward; pill; tablet; syrup; bandage; fever; cough; headache; rash; wound; allergy;
infection; vaccine; prescription; blood test; pulse; diagnosis; treatment; symptom; surgery; clinic; ointment; dose;
patient; thermometer; side effect; stethoscope; ambulance
acts: see a doctor about {my} cough; take one pill after breakfast; measure {my} temperature; change the bandage;
book a blood test; ask the nurse for advice; drink plenty of water; rest for two days; describe {my} symptoms;
have a vaccine before winter; stop taking the tablets; treat a small burn; check {my} blood pressure;
call an ambulance; keep the wound clean; rub ointment on the rash; read the leaflet; eat less salt
faults: {my} throat hurts when I swallow; the fever will not go down; the wound is red and warm;
{my} head aches every morning; the patient feels dizzy after standing up; the rash is spreading to the chest;
I cough all night; the child refuses to eat; {my} heart beats too fast; the pills make me tired;
my left ear is blocked; his breathing is shallow; her blood pressure is too high; the pain gets worse after meals;
{my} ankle is swollen
whys: the infection is caused by germs; the dose was too small; the body is short of water;
the patient is allergic to nuts; the muscle was strained; the lungs are full of mucus; the stomach makes too much acid;
sleep was poor all week; the blood does not carry enough iron; a nerve in the back is pressed;
the vaccine needs two weeks to work
ends: the fever falls overnight; the wound heals within a week; the doctor changes the treatment;
the patient goes home; the pain fades slowly; the nurse calls for help; the swelling goes down;
the test shows nothing bad
# body
things: heart; lung; liver; kidney; stomach; bone; muscle; nerve; vein; artery; skin; skull; spine; rib; joint; tendon;
tongue; throat; eyelid; jaw; hip; thigh; heel; palm; thumb; blood vessel; gland; intestine; cell; tissue; hormone
acts: breathe in slowly; bend {my} knee; stretch the spine; train the muscles of the back;
protect the skin from the sun; chew the food well; move every joint; rest {my} eyes; listen to the heart;
keep the bones strong; hold {my} breath; relax the jaw; carry oxygen to the cells; remove waste from the blood
faults: the knee hurts on the stairs; the muscle is stiff; the skin is dry and red; the bone is broken near the wrist;
the eyes burn in the evening; the joint makes a noise; the artery is too narrow; the kidney holds a small stone;
the back aches after lifting; the foot has gone to sleep; the tooth is loose
whys: the blood cannot flow freely; the nerve sends a signal to the brain; the bones lose calcium with age;
the air was too dry; the muscle was not warmed up; the gland makes too little hormone; a blood vessel is blocked;
the cells need more oxygen; the tendon was pulled
ends: the blood brings oxygen to every cell; the bone grows together again; the muscle becomes stronger;
the skin forms a scar; the heart beats more slowly; the body cools down; the pain moves down the leg
# travel
things: train; platform; ticket; timetable; passport; visa; suitcase; hotel; room; reception; flight; gate; seat;
bus stop; map; guide; border; taxi; ferry; cabin; bridge; harbour; beach; museum; tourist; luggage; customs; airline;
journey; motorway
acts: book a window seat; miss the last bus; change trains in the next town; carry {my} luggage;
show {my} passport at the border; ask for a quiet room; rent a car for a week; find the platform; walk along the beach;
take the ferry to the island; fill in a visa form; check in at the counter; cancel the hotel; look for a cheap flight;
visit an old castle; read the map; pack a small suitcase; sleep on the night train
faults: the train is forty minutes late; {my} suitcase did not arrive; the hotel has no free room;
the flight was cancelled; we took the wrong road; the ticket machine is broken; the passport runs out next month;
the bus left without us; the beach is crowded; the taxi driver got lost; the map shows a bridge that is gone
whys: there was fog over the airport; the workers are on strike; a tree fell on the rails; the season is at its height;
we read the timetable wrong; the road was under repair; the airline sold too many seats; the border closes at night
ends: we reach the harbour before dark; the airline pays for a hotel; another train comes in an hour;
the guide shows us a shorter path; we stay one more night; the suitcase turns up two days later
# home
things: kitchen; sink; tap; pipe; roof; wall; window; curtain; carpet; lamp; switch; fuse; heater; boiler; oven;
fridge; freezer; washing machine; drawer; cupboard; mattress; pillow; blanket; ceiling; stairs; cellar; garage; key;
lock; doormat; bucket; mop; landlord; tenant
acts: clean the kitchen floor; fix a dripping tap; paint the bedroom wall; change a light bulb; wash the curtains;
turn down the heater; empty the bin; air the room; mend a broken chair; lock the back door; defrost the freezer;
sweep the stairs; move the sofa; hang a picture; call a plumber; iron a shirt; sharpen the knives
faults: water drips from the ceiling; the lamp keeps flickering; the washing machine makes a loud noise;
the key is stuck in the lock; the fridge is warm inside; the drain smells bad; the window will not close;
the heater stays cold; there is mould behind the wardrobe; the oven burns everything; the stairs creak;
a fuse has blown
whys: the pipe is old and rusty; somebody left the window open; the filter is full of dust;
the roof lost a tile in the storm; the switch is loose; the drain is blocked with hair;
the battery of the clock is flat; the room was never aired
ends: the plumber fits a new pipe; the room is warm again; the landlord pays for the repair; the floor shines;
the noise stops at last; we buy a new one; the smell goes away
# school
things: teacher; pupil; student; class; lesson; homework; exam; mark; pencil; ruler; notebook; dictionary; blackboard;
desk; library; subject; history; geography; physics; chemistry; essay; sentence; grammar; playground; university;
lecture; professor; uniform; timetable; term
acts: hand in the homework; learn ten new words; prepare for the exam; write an essay about the sea; draw a map;
raise {my} hand; borrow a book from the library; ask the teacher again; solve the sum on the board;
read the chapter twice; check the spelling; study for two hours; explain the rule to a friend; arrive before the bell;
join the chess club; copy the sentence
faults: the pupil forgot the homework; the exam was too long; I cannot understand the chapter; the class is noisy;
my mark is lower than last term; the library is closed; the pencil broke during the test; two pupils came late;
the lesson was cancelled; nobody knew the answer; the essay has too many mistakes
whys: the teacher was ill; the bus was late; the rule was not explained; he studied the wrong chapter;
the room was too hot; the question had two meanings; she had practised every day; the bell rang early
ends: the teacher explains it once more; the class passes the exam; she gets the best mark;
they learn the poem by heart; the test is written next week; he reads more slowly now
# devices
things: phone; laptop; tablet; screen; battery; charger; cable; keyboard; printer; router; speaker; camera;
memory card; plug; button; software; update; password; file; folder; message; photo; video; website; browser; virus;
network; signal; account; headset; game; app; remote control
acts: charge the phone overnight; restart the router; update the software; forget {my} password; print two pages;
take a photo in the dark; delete old files; connect the speaker; clean the screen; save {my} work; install a new app;
turn off the sound; copy the photos to a laptop; reset the tablet; join the network; replace the battery;
send a voice message; make the letters larger
faults: the screen stays black; the battery is empty after an hour; the printer pulls in two pages at once;
the laptop gets very hot; the app closes by itself; the signal is weak in the cellar; the keyboard does not react;
the update stopped halfway; the password is not accepted; the speaker crackles; the photos are blurred;
the camera cannot find the card; {my} phone fell into the water
whys: the cable is broken inside; the memory is full; the router is too far away; the software is out of date;
a virus got in; the plug is loose; the battery is old; another program uses the camera; the caps key was on;
the lens is dirty
ends: it starts again after a while; the files are safe; the shop replaces the device; the screen lights up;
the message is sent; the network is back; nothing is lost
# food
things: bread; soup; rice; potato; carrot; onion; garlic; pepper; salt; sugar; flour; butter; cheese; egg; milk; cream;
oil; vinegar; meat; chicken; fish; sauce; salad; pie; cake; biscuit; honey; jam; plate; bowl; fork; spoon; knife; pan;
pot; recipe; menu; waiter; restaurant; dessert
acts: boil the eggs; peel the potatoes; chop an onion; bake a cake; stir the soup; fry the fish in butter;
cook rice for six people; taste the sauce; mix flour and milk; set the table; book a table for two; order a dessert;
slice the bread; wash the salad; roast a chicken; heat the oven; add a pinch of salt; follow the recipe;
keep the leftovers
faults: the soup is too salty; the milk has gone sour; the cake fell apart; the rice is still hard; the meat is burnt;
the waiter brought the wrong dish; the bread is stale; the knife is blunt; the oven is not hot enough;
we are out of sugar; the sauce is lumpy; the fish smells odd
whys: the pan was too hot; nobody stirred it; the butter was missing; it stood in the sun; the yeast was old;
the guests came early; the recipe was for four; the lid was left off
ends: everybody asks for more; the sauce becomes smooth; we eat bread and cheese instead; the cake rises well;
the waiter says sorry; the kitchen smells wonderful
# work
things: office; boss; colleague; meeting; contract; salary; report; email; deadline; customer; project; team; factory;
machine; shift; holiday; desk; interview; career; union; tool; helmet; engineer; secretary; lawyer; manager;
apprentice; workshop; order; plan
acts: write a report; answer an email; plan the meeting; ask for a day off; sign a contract; train a new colleague;
check the machine; meet a customer; finish the project; start the early shift; look for another job; wear a helmet;
call the boss; count the stock; repair a tool; send the offer; share the work fairly; take notes
faults: the deadline is too close; the machine stopped again; the meeting takes too long; two colleagues are ill;
the contract has a mistake; the customer is angry; the report is not finished; nobody answered the email;
the order was lost; the boss changed the plan; the tools are missing
whys: the team is too small; the part has not arrived; the figures were wrong; the power was cut;
the customer changed his mind; the rules are not clear; somebody pressed the wrong button; we started too late
ends: the project is done in time; the boss thanks the team; the customer signs the offer; the machine runs again;
the meeting moves to Friday; everyone goes home early
# weather
things: rain; snow; wind; cloud; fog; storm; thunder; lightning; ice; hail; sunshine; shadow; temperature; season;
forecast; umbrella; flood; river; valley; hill; mountain; lake; field; coast; wave; island; sky; horizon; puddle; frost
acts: take an umbrella; listen to the forecast; walk in the rain; cover the plants; stay indoors; wear warm gloves;
watch the lightning; close the shutters; clear the snow; wait until the storm is over; climb the hill; cross the river;
look at the stars; swim in the lake
faults: the road is icy; the river is rising fast; the fog hides the bridge; the wind broke a branch;
it rains through the roof; the field is under water; the snow blocks the door; the sun burns at noon;
thunder frightens the dog; the plants are too dry
whys: warm air meets cold air; it has not rained for weeks; the snow melts in the hills; the wind comes from the sea;
the night was clear; the clouds hold the heat; the river bed is narrow
ends: the sky clears in the evening; the water falls again; the plants recover; the road is open by noon;
children build a snowman; a rainbow stands over the valley
# family
things: mother; father; sister; brother; aunt; uncle; cousin; grandmother; grandfather; baby; child; neighbour; friend;
guest; wedding; birthday; present; party; letter; photograph; story; secret; promise; quarrel; dog; cat; garden;
flower; toy; holiday
acts: visit {my} grandmother; bake a birthday cake; tell a story; look after the baby; invite the neighbours;
feed the cat; write to an old friend; keep a promise; plan a wedding; play in the garden; say sorry; choose a present;
walk the dog; plant flowers; sing the baby to sleep; help an old man across the street
faults: the baby cries all night; the cat has run away; we forgot the birthday; the neighbours are too loud;
the guests did not come; the child is afraid of the dark; my brother lost the ring; the flowers are dying;
the dog will not eat; the two sisters do not speak
whys: nobody told them the date; the baby is hungry; the gate was open; they had a quarrel; the soil is too wet;
she lives far away; he had no time; the party was too late
ends: they laugh about it later; the cat comes back by itself; everybody hugs; the child falls asleep;
the friends meet again; we plant new ones
# card
things: credit card; debit card; plastic card; PIN; chip; magnetic strip; card number; expiry date; card reader;
cash machine; ATM; contactless payment; spare card; virtual card; terminal; online shop; Visa; Mastercard; limit;
replacement
acts: order a replacement for {my} card; freeze {my} debit card in the app; unfreeze it after I found it;
set a new PIN; pay without touching the reader; pay abroad with {my} card; pair {my} card with a phone;
follow {my} card through the post; put {my} card into the terminal; tell the bank that I lost {my} card;
make a virtual card for one purchase; pay online with {my} credit card; read the number on the back;
raise the daily limit; order an extra card for my daughter; sign the back of {my} card; cut an old card in two
faults: {my} card has not come in the post; the cash machine will not return {my} card;
{my} card was stolen last night; I forgot my PIN; the chip is scratched; the terminal says no;
{my} card runs out at the end of the month; contactless payment does not work any more;
{my} virtual card is refused online; somebody has copied {my} card; the reader beeps but nothing is paid;
I left {my} card in a restaurant; {my} new card is not active yet; the ATM keeps asking for another PIN
whys: the PIN was typed wrong too often; the chip is dirty; {my} card has not been switched on;
the shop takes cash only; the post is slow this week; the daily limit is too low; the strip is worn;
a thief may have seen the number; the old card was blocked when the new one was ordered
ends: the new card comes within a week; the bank stops the old card at once;
the PIN can be set again at a cash machine; {my} card works at the next shop; nobody else can use it;
the bank sends a spare one
# payment
things: payment; transfer; refund; fee; charge; receipt; recipient; sender; merchant; purchase; invoice; top-up;
direct debit; currency; dollar; euro; pound; amount; cent; commission; booking date; reference; conversion; cheque;
wire
acts: send money to another country; have my money sent back; stop a transfer that I made by mistake;
fill up the balance from another bank; fill up the balance by cheque; change dollars into euros;
ask the merchant for a refund; find out who charged me; dispute a payment that I never made; pay in another currency;
see why a payment is still pending; split a purchase into parts; correct the name of the recipient;
set a limit for transfers; keep the reference number; pay with cash instead; move money between two accounts;
check the amount twice
faults: the transfer is still pending; my refund does not show up; the recipient has not got the money;
a fee of one pound was added; the same purchase appears twice; the payment was declined in the shop;
the top-up was taken back; the amount is not what I paid; an unknown merchant took money from me;
the cheque has not been added; the conversion cost more than expected; the transfer went to the wrong person;
my salary was paid late; the cash I took out was less than I asked for; a direct debit was taken that I never agreed to
whys: the merchant has not asked for the money yet; it takes a few working days; the recipient's bank is closed;
the name does not match the account; there is a charge for foreign money; the rate changed overnight;
the transfer needs a check by hand; the balance was too low at that moment; the payment was only reserved;
the top-up was over the limit
ends: the money arrives the next working day; the refund shows up on the statement; the extra fee is given back;
the payment is cancelled for good; the transfer is sent again; the merchant admits the mistake; the amount is put right
# account
things: account; profile; password; passcode; username; email address; phone number; identity card; driving licence;
proof of address; selfie; birth date; surname; verification; settings; notification; security question; app; login;
form; document; scan; age; nationality; signature
acts: set up something for my son to save with; close {my} account for good; put a new address into {my} profile;
correct {my} surname; make up another passcode; send a photo of {my} passport; prove where {my} money comes from;
log in from a new phone; turn on notifications; answer the security question; upload a scan of {my} licence;
take a selfie in good light; delete {my} profile; update {my} phone number; choose a strong password;
find out how old a child must be; use the app from another country; read the privacy rules
faults: {my} passcode gets refused; the app does not believe that it is me; the photo of {my} passport was refused;
{my} phone with the app was stolen; {my} old number is still in the profile; the verification takes days;
I moved house and {my} address is wrong; I cannot log in; {my} name changed after the wedding;
the code by text message never arrives; the form asks for things I do not have; somebody else logged in to {my} account
whys: the photo is too dark; the document is out of date; the law asks every bank to know its customers;
the name is spelled in two ways; the text message went to an old number; the app needs an update;
the country is not on the list; the child is too young; the password was tried too many times
ends: the new address is saved; the account is checked within a day; the old passcode stops working;
the team writes an email when it is done; the account is closed and the rest of the money is paid out;
the login works again
# medicine
things: hypertension; anaemia; arrhythmia; pneumonia; hepatitis; appendicitis; ulcer; tumour; cyst; lesion; biopsy;
ultrasound; X-ray; scan; electrocardiogram; antibiotic; steroid; diuretic; anticoagulant; insulin; haemoglobin;
platelet; white blood cell; antibody; bacterium; virus; oedema; inflammation; thyroid; pancreas; spleen; cornea;
retina; femur; pelvis; trachea; oesophagus; aorta; embryo; chromosome; enzyme; protein; electrolyte; potassium; sodium;
glucose; cholesterol; urine; sputum; plasma
acts: order an X-ray of the chest; measure the glucose in the blood; listen to the lungs;
give an antibiotic for seven days; rule out a heart attack; examine the abdomen; take a biopsy of the lesion;
lower the blood pressure slowly; look at the patient's history; start insulin; stop the bleeding; check the thyroid;
repeat the scan after six weeks; replace fluids and electrolytes; control the pain; prevent a clot;
refer the patient to a specialist; consider the most likely diagnosis; compare both kidneys
faults: a 45-year-old man has sudden chest pain; a 30-year-old woman complains of fatigue and weight loss;
the patient has had a fever and chills for three days; the abdomen is tender on the right side; the haemoglobin is low;
the white blood cell count is raised; the liver is enlarged; there is blood in the urine;
the heart rhythm is irregular; the child has a barking cough; the left leg is swollen and warm;
the pupils react slowly; the skin has turned yellow; the patient is short of breath at night; the reflexes are weak;
the X-ray shows a shadow in the left lung; the newborn does not gain weight
whys: the coronary artery is blocked by a clot; the immune system attacks the joints;
the kidneys no longer remove the salt; the thyroid makes too much hormone; the bacteria have become resistant;
the bile duct is closed by a stone; the heart cannot pump enough blood; a vitamin is missing in the diet;
the nerve is compressed by a disc; the pancreas releases too little insulin; the airway is inflamed and narrow;
fluid collects around the lung; the drug slows the heart
ends: the most likely diagnosis is pneumonia; the patient improves after two days of treatment;
surgery is needed the same day; the symptoms point to anaemia; the test confirms an infection;
the tumour turns out to be harmless; the kidneys recover completely; the risk of a stroke becomes smaller;
the patient must be followed for a year
# traffic
things: road; traffic light; crossing; pavement; cyclist; driver; helmet; seat belt; brake; engine; wheel; tyre;
petrol; diesel; garage; car park; licence; roundabout; tunnel; bus lane; tram; underground; pedestrian; horn;
headlight; mirror; speed limit; accident; bicycle; scooter
acts: cross the road at the light; park behind the church; change a flat tyre; fill the tank; wear a seat belt;
slow down near the school; turn left at the roundabout; ride a bicycle to work; check the brakes;
call the police after an accident; take the underground to the centre; look over {my} shoulder; keep a safe distance;
let an ambulance pass; renew {my} driving licence; wash the car
faults: the engine makes a strange noise; the brakes are weak; the traffic light is out of order;
the road is closed for repairs; a lorry blocks the tunnel; the tank is almost empty; there is no free place to park;
the cyclist fell on the wet road; one headlight is broken; the bus is full; I got a fine for parking;
the tyre lost its air
whys: there was a nail in the tyre; the road was slippery; someone drove too fast; the oil was never changed;
a pipe burst under the street; the driver looked at a phone; the sign was hidden by a tree; it is the rush hour
ends: the police clear the road; the garage repairs it in an hour; the traffic moves again; nobody is hurt;
we walk the last part; the driver pays a fine
# leisure
things: film; cinema; concert; ticket; stage; actor; singer; band; song; novel; poem; chapter; painting; brush; camera;
chess; match; goal; team; coach; racket; ball; pool; gym; dance; hobby; stadium; tent; campfire; fishing rod; puzzle;
magazine
acts: watch a film with friends; buy two tickets for the concert; learn to play the guitar; read a novel in one night;
paint a picture of the lake; join a football team; swim twenty lengths; run around the park; take dancing lessons;
put up a tent; collect old stamps; play chess with {my} uncle; listen to the radio; write a short poem;
practise every evening; go fishing before sunrise
faults: the concert was sold out; our team lost by three goals; the singer has a cold; the film was boring;
the tent lets the rain in; a string of the guitar broke; the pool is too crowded;
the last page of the novel is missing; the coach is never satisfied; the match was called off; I am too tired to train
whys: the lawn was frozen; the players were nervous; everyone wanted to see the famous actor;
the book was translated badly; we trained too little; the hall was too small; the goalkeeper was hurt
ends: the audience claps for ten minutes; we win the next match; the book has a happy ending; everyone sings along;
I get better week by week; the game ends in a draw
# farming
things: field; barn; tractor; plough; seed; soil; wheat; barley; maize; harvest; hay; straw; stable; fence; cow; calf;
hen; rooster; sheep; wool; goat; orchard; beehive; well; pump; fertiliser; weed; pest; greenhouse; root; stem; leaf;
petal; pollen; twig; bark
acts: milk the cows at dawn; sow the wheat in autumn; mend the fence; feed the hens; pick the apples;
water the young plants; cut the grass for hay; shear the sheep; collect the eggs; pull out the weeds;
store the potatoes in the cellar; drive the tractor to the barn; plant a row of trees; keep bees;
sell vegetables at the market; protect the seeds from birds
faults: the leaves are turning yellow; the hens lay no eggs; the fox got into the barn; the apples have worms;
the well has run dry; the tractor will not start; the wheat lies flat on the ground; the fence is rotten;
the calf is too weak to stand; mice eat the grain; the soil is as hard as stone
whys: there was frost in May; the roots get too much water; the soil lacks minerals; hail came before the harvest;
the pump is worn out; insects spread the disease; the seed was too old; the days are getting shorter
ends: the harvest is better than last year; the calf gets up in the end; the farmer buys new seed;
the trees bear fruit again; the barn is full by October; the bees return to the hive
# society
things: law; court; judge; lawyer; witness; police officer; thief; prison; government; minister; parliament; election;
vote; citizen; mayor; army; border; treaty; newspaper; reporter; headline; museum; statue; century; emperor; king;
queen; war; peace; religion; temple; church; tradition; festival; population; village; suburb; charity; volunteer;
refugee
acts: vote for a new mayor; report a theft to the police; pay a fine; speak in front of the court; sign a petition;
read the newspaper; ask for a permit; help as a volunteer; give money to a charity; celebrate the new year;
protest against the plan; visit the town hall; build a bridge between two villages; protect an old temple;
defend a client; write to the minister
faults: the thief was never found; the law is not clear; the town has no money for the library; the witness told a lie;
the bridge is too old; few people went to vote; the newspaper made a mistake; the court needs more time;
the air in the city is bad; rents are too high for young families; the museum is closed on Monday
whys: nobody saw the thief; the rules differ from town to town; the war destroyed the harbour;
factories burn a lot of coal; the minister kept it secret; people moved to the city;
the building is hundreds of years old; the vote was very close
ends: the judge lets him go; the town builds a new school; the law is changed the next year;
the two countries make peace; the newspaper says sorry; thousands of people come to the festival
# feelings
things: joy; fear; anger; hope; courage; pride; shame; trust; doubt; habit; opinion; promise; mistake; advice; choice;
reason; truth; lie; memory; mood; patience; kindness; smile; tear; dream; wish; surprise; secret; friendship;
loneliness
acts: tell the truth; ask for help; calm down; forgive a friend; make up {my} mind; change an old habit;
believe in myself; admit a mistake; listen without talking; keep smiling; share a secret; think before I speak;
give good advice; try again; stay patient; thank everyone
faults: I feel lonely in the new town; he is angry about nothing; she cannot sleep before an exam;
we had a foolish quarrel; nobody listens to me; I am afraid to speak in public; the boy is jealous of his sister;
I keep making the same mistake; she is too proud to say sorry; he worries all day long
whys: change is never easy; he was hurt a long time ago; we expected too much; nobody had asked how she felt;
the truth is sometimes hard; being tired makes everything worse; they never learned to say no
ends: she laughs about it now; they become friends again; he feels much better; I am no longer afraid;
the anger goes away; everybody learns something
# science
things: atom; molecule; electron; energy; force; gravity; magnet; light; lens; prism; sound; wave; heat; liquid; gas;
crystal; acid; salt; oxygen; hydrogen; carbon; iron; planet; orbit; telescope; satellite; rocket; fossil; dinosaur;
volcano; earthquake; glacier; continent; ocean; tide; experiment; laboratory; formula; equation; graph; triangle;
circle; angle; fraction; percentage; average; evidence; theory
acts: measure the speed of sound; mix an acid with a metal; look at a star through a telescope;
heat the water until it boils; draw a graph; repeat the experiment three times; weigh a litre of air;
split light with a prism; calculate the average; compare two theories; test the idea with an experiment;
find the area of a circle; describe the orbit of a planet; grow a crystal; count the rings of a tree
faults: the result is different every time; the liquid turns blue; the magnet does not attract copper;
the ice melts slowly; the needle of the compass moves; the flame goes out under a glass;
the balloon shrinks in the cold; the equation has no solution; the fossil is older than we thought;
the rocket missed its orbit
whys: warm air rises; the moon pulls the water of the ocean; metal conducts heat well;
sound needs something to travel through; the flame uses up the oxygen; light is bent by water;
every action has a reaction; the earth turns around its axis; atoms are held together by forces
ends: the theory is confirmed; the water becomes steam; the crystal grows a little every day; the two sides are equal;
the experiment works at last; the satellite sends its first picture
"""
