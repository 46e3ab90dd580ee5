"""The words from which the sentences of the sentiment model are built.

Plain lists and nothing else, so that a reader can see at a glance what the model may know. All of
them were written for this project; no review by anybody else is in them. Words are in lower case,
because the server lowers the text before the graph sees it.
"""

THINGS = """
movie film plot story acting cast soundtrack script ending director characters dialogue series show
episode book novel writing author chapters phone laptop camera battery screen keyboard headphones
speaker charger cable watch tablet printer monitor blender kettle vacuum toaster mattress chair desk
lamp jacket shoes dress shirt bag fabric size fit color design quality build material packaging
instructions food pizza burger pasta sushi coffee tea cake bread soup salad dessert menu restaurant
waiter waitress chef kitchen service meal dinner lunch breakfast portions prices price bill hotel
room bed bathroom shower staff reception lobby pool view location neighborhood flight airline crew
seat trip tour guide museum app game website update interface software support delivery shipping
seller company product item purchase order experience place store shop course teacher lessons class
concert album song music band gym doctor driver ride car toy puzzle sound picture graphics taste
smell texture atmosphere performance value
""".split()

POSITIVE = """
good great excellent amazing awesome wonderful fantastic superb brilliant outstanding terrific
marvelous incredible fabulous perfect lovely beautiful gorgeous stunning delightful charming
delicious tasty yummy fresh flavorful crispy juicy comfortable cozy comfy soft warm friendly helpful
polite kind attentive welcoming professional courteous caring generous patient knowledgeable honest
reliable sturdy durable solid robust strong fast quick speedy prompt responsive smooth easy simple
intuitive convenient handy useful practical efficient effective powerful affordable reasonable fair
cheerful funny hilarious entertaining engaging gripping exciting thrilling touching moving heartfelt
inspiring captivating fascinating interesting clever witty smart original creative refreshing unique
enjoyable pleasant relaxing peaceful quiet clean spotless tidy neat elegant stylish sleek classy
crisp sharp vivid clear bright impressive remarkable exceptional magnificent spectacular splendid
memorable unforgettable flawless top-notch first-rate magical superior satisfying rewarding fun
nice decent fine cool stellar phenomenal adorable trustworthy accurate precise lightweight versatile
underrated genius masterful authentic favorite happy satisfied pleased delighted impressed thrilled
grateful thankful glad
""".split()

NEGATIVE = """
bad terrible awful horrible dreadful poor lousy pathetic disgusting gross nasty atrocious abysmal
appalling horrendous hideous ugly disappointing unsatisfying underwhelming mediocre bland tasteless
flavorless stale soggy greasy undercooked overcooked burnt raw cold salty bitter rotten moldy sour
boring dull tedious slow sluggish laggy buggy glitchy clunky confusing complicated frustrating
annoying irritating infuriating unbearable painful exhausting uncomfortable stiff noisy loud cramped
dirty filthy smelly dusty sticky stained shabby outdated rude unfriendly unhelpful impolite arrogant
careless lazy incompetent unprofessional dismissive hostile dishonest shady misleading deceptive
fraudulent fake cheap flimsy fragile weak broken defective faulty damaged useless worthless
pointless unusable unreliable inaccurate inconsistent overpriced expensive unreasonable
predictable cliched forgettable lifeless shallow silly stupid ridiculous nonsensical pretentious
incoherent messy sloppy amateurish lame cringeworthy unfunny blurry grainy dim scratched crooked
wobbly leaky unsafe dangerous late delayed overrated overhyped disastrous horrid miserable
unpleasant depressing unacceptable inexcusable inferior subpar third-rate trash garbage
rubbish junk crap worst sad angry upset disappointed unhappy dissatisfied
frustrated annoyed furious disgusted bored appalled ashamed sick unimpressed
""".split()

GLAD = "happy satisfied pleased impressed delighted thrilled amazed entertained convinced".split()

SORRY = """
unhappy dissatisfied disappointed unimpressed annoyed frustrated bored disgusted shocked confused
""".split()

POSITIVE_VERBS = """
loved love liked like enjoyed enjoy adored adore appreciated appreciate recommend cherish admire
treasure
""".split()

NEGATIVE_VERBS = """
hated hate disliked dislike despised despise regret regretted loathed loathe detest returned avoid
""".split()

POSITIVE_PHRASES = """
works perfectly|works great|works like a charm|works well|works as described
works exactly as expected|exceeded my expectations|exceeded all our expectations
better than expected|better than i expected|highly recommend|highly recommended|would recommend
i would recommend it to anyone|i recommend it|definitely recommend|will definitely come back
we will be back|i will be back|can't wait to go back|will buy again|would buy again
i will order again|will order again|worth every penny|worth the money|well worth it
totally worth it|worth watching|worth reading|worth a visit|great value for money|good value
a real bargain|best purchase ever|best i have ever had|the best in town|best of the year
could not be happier|couldn't be happier|can't fault it|i can't complain|nothing to complain about
no complaints|no complaints at all|no problems at all|no issues so far|zero issues
without a problem|five stars|5 stars|5 out of 5|10 out of 10|10 10|two thumbs up|thumbs up
a must see|a must have|a must read|made my day|made us smile|made me laugh out loud
laughed the whole time|kept me hooked|couldn't put it down|could not put it down
couldn't stop reading|can't stop listening|moved me to tears|on the edge of my seat
i was blown away|blew me away|blown away|love it|loved it|love this|loved every minute
loved every second|enjoyed every minute|really enjoyed it|enjoyed it a lot|my kids love it
my wife loves it|my husband loves it|everyone loved it|the whole family enjoyed it|he loves it
she loves it|thank you so much|thanks a lot|many thanks|well done|great job|good job|keep it up
a pleasure|a joy to use|a joy to watch|a delight|a masterpiece|an absolute gem|a hidden gem
a treat|pure magic|a winner|a keeper|a lifesaver|a game changer|a breath of fresh air
money well spent|time well spent|arrived on time|arrived early|arrived quickly
came earlier than expected|fast delivery|quick delivery|fits perfectly|fits like a glove
easy to use|easy to set up|easy to install|easy to clean|looks great|looks amazing|sounds great
sounds amazing|tastes great|tastes amazing|smells great|feels great|melts in your mouth
cooked to perfection|full of flavor|never disappoints|never disappointed|did not disappoint
didn't disappoint|lived up to the hype|lives up to its name|very happy with it|so happy with this
happy with my purchase|i am very pleased|i'm impressed|i am impressed|very satisfied
solved my problem|fixed my problem|they went above and beyond|went out of their way to help
made us feel welcome|made us feel at home|treated us like family
the staff could not do enough for us|always a smile|lasts all day|lasts for days
still going strong|still works like new|still works|a perfect gift|couldn't ask for more
could not ask for more|what more could you want|it just works|everything worked|a big improvement
so much better|much better than the old one|much better|saved me a lot of time|had a great time
had a wonderful time|had so much fun|we had fun|a lot of fun|time flew by|not bad|not bad at all
not too bad|wasn't bad at all|not disappointed|was not disappointed|you won't be disappointed
you will not be disappointed|won't regret it|you will not regret it|can't go wrong
can't go wrong with this|pleasantly surprised|was pleasantly surprised|can't recommend it enough
cannot recommend it enough|could not have been better|couldn't be better|could not have been nicer
couldn't have asked for more|never had a problem|never let me down|not a single complaint
no regrets|without any pain|without any trouble|no trouble at all|i would go again|easily the best
the best|simply the best|best ever|still looks new|makes my life easier|makes life so much easier
makes everything easier|exactly what i needed|just what i needed|exactly what we wanted
answered within minutes|answered all our questions|replied right away|knew everything
laughed from beginning to end|so much better than expected|will definitely return
certainly come back|would come back
""".strip().replace("\n", "|").split("|")

NEGATIVE_PHRASES = """
waste of money|a waste of money|waste of time|a waste of time|complete waste|total waste
don't waste your money|don't waste your time|do not waste your time|save your money
stopped working after a week|stopped working|stopped working after two days|stopped charging
quit working|no longer works|does not work|doesn't work|did not work|didn't work|never worked
won't turn on|will not turn on|would not start|broke after a week|broke after a month
broke after one use|broke the first day|it broke|fell apart|fell apart after one wash
falling apart|died after a month|keeps crashing|crashes all the time|keeps freezing|crashed twice
full of bugs|do not buy|don't buy|do not buy this|don't bother|do not bother|stay away
avoid at all costs|avoid this place|would not recommend|wouldn't recommend|i do not recommend
i don't recommend it|cannot recommend|can't recommend|not recommended|never again|never going back
will never come back|won't be back|we will not be back|i will not be coming back|not coming back
never buying again|will not buy again|won't order again|never order here|not worth the money
not worth it|not worth the price|not worth your time|isn't worth it|worth nothing
asked for a refund|want my money back|i want a refund|give me my money back|refused to refund
no refund|sent it back|sending it back|had to return it|returned it|returned it the same day
requested a refund|nobody answered|no one answered|nobody helped us|no one helped|no reply
no response|never replied|ignored us|ignored my emails|kept us waiting|waited an hour
waited over an hour|had to wait forever|took forever|took three weeks|arrived late|arrived broken
arrived damaged|came broken|never arrived|still has not arrived|wrong size|wrong item
missing parts|parts were missing|fell asleep|i fell asleep|put me to sleep|walked out
walked out halfway|couldn't finish it|could not finish it|gave up halfway|gave up|hard to follow
makes no sense|made no sense|no plot|no story|no flavor|no taste|no quality control|no stars
zero stars|one star|1 star|1 out of 5|1 out of 10|2 out of 10|0 out of 10|two thumbs down
thumbs down|the worst|worst ever|worst purchase ever|worst meal of my life|worst experience ever
worst i have ever seen|one of the worst|worse than expected|worse than i expected|far worse
much worse|could not be worse|couldn't be worse|going downhill|went downhill|hate it|hated it
i hate this|hated every minute|really disliked it|regret buying it|i regret this purchase
big mistake|a mistake|a disaster|a complete disaster|a nightmare|a joke|a bad joke|a rip off
rip off|ripoff|a scam|total scam|scam|a letdown|a let down|a big disappointment
such a disappointment|let me down|let us down|too expensive|way too expensive|too loud|too slow
too small|too long|too short|too salty|too sweet|too hard to use|too many ads|too many problems
nothing but trouble|nothing but problems|so many problems|many issues|had issues|a lot of issues
nothing special|nothing works|not what i ordered|not as described|not as advertised
looks nothing like the picture|smelled bad|smells awful|smelled like smoke|tastes awful
tasted like cardboard|tasted like plastic|made me sick|gave us food poisoning|got sick
got sick afterwards|hair in my food|bugs in the room|did not sleep|couldn't sleep
could hear everything|screamed at us|yelled at us|treated us badly|treated like dirt|lied to us
lied to me|overcharged us|charged me twice|lost my luggage|lost my order|canceled my order
did not live up to the hype|didn't live up to the hype|fails constantly|failed
failed after a month|drains fast|battery dies quickly|dies quickly|hurts my ears|hurt my back
poorly made|badly made|badly written|poorly written|badly designed|cheaply made|looks cheap
feels cheap|uncomfortable to wear|i am very disappointed|so disappointed|very disappointed
we were disappointed|left disappointed|left hungry|left early|not good at all|not great|not good
not very good|not happy|not happy at all|not impressed|not funny|not like the picture|isn't good
wasn't great|wasn't worth it|wasn't worth the money|isn't worth the money|it isn't worth it
don't like it|i don't like it|didn't like it|did not like it|do not like it|doesn't help
did not help|didn't help|expected more|i expected more|expected so much more|expected better
i wanted to like it|wanted to love it but|could be better|could have been better
should have been better|nobody cared|they did not care|didn't care|hung up on me|refused to help
ruined it|the update ruined it|ruined our evening|ruined the trip|halfway through i gave up
fell asleep halfway|lost interest|makes it worse|got worse|gets worse every time|still waiting
still broken|still raw|characters are flat|falls flat|far too expensive|far too long|far too slow
cheap plastic|missing pieces|with missing parts|would not buy again|wouldn't buy again
won't buy again|will not return|won't return|do not go there|don't go there|no help at all
""".strip().replace("\n", "|").split("|")

NEUTRAL = """
i bought this last week|i bought it for my mother|bought this for my son|got it as a gift
ordered two of these|we went there on friday|we visited in june|we stayed for three nights
i watched it last night|saw it with friends|this was my second visit|this is my first one
it is the third one i own|i have had it for a month|used it for a few weeks
i have been using it every day|we ordered the special|i had the chicken and my wife had the fish
there is parking nearby|it comes in a small box|it comes with a cable|it is made of metal
it is about two hours long|the color is blue|i read it on the train|my friend told me about it
i saw it online|i found it by accident|it was my birthday|we came with the kids|it was a rainy day
we sat by the window|it is close to the station|i use it at work|i use it in the kitchen
i am writing this after two months|here is my review|so here is my opinion|to be honest
in my opinion|in the end|all in all|overall|honestly|well|what can i say|as for the rest
after a few days|so far|just my thoughts|i am a student|i live nearby|i travel a lot
i don't write many reviews|i usually do not write reviews|i had never been here before
i didn't know what to expect|i have not tried the other one|not sure about the rest
my old one was from another brand|the box has a new look|it has two buttons|we took the bus
there were four of us|i had to update it first|i did not read the book|i have no idea who made it
it is what it is|same as last time
""".strip().replace("\n", "|").split("|")

STRENGTHS = """
very really so extremely absolutely quite incredibly totally pretty truly super just simply always
rather
""".split()

COPULAS = "is was am are were seems seemed looks looked feels felt".split()

NEGATIONS = """
is not|was not|am not|i'm not|isn't|wasn't|are not|aren't|were not|weren't|not|never|it's not|hardly
""".strip().split("|")
