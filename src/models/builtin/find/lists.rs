//! Small word lists that names are known by.

use std::collections::HashSet;
use std::sync::LazyLock;

const FIRST: &str = "aaron abigail adam adrian ahmed aisha alan albert alex alexander alexandra alice ali alicia amanda amira \
 amelia amy ana anders andre andrea andreas andrew angela anita anja ann anna anne annika anthony antonio arjun \
 arthur astrid axel barbara beatrice ben benjamin bernd bettina bill birgit bob boris brian bruno camille carla \
 carlos carmen caroline catherine charles charlotte chen chloe chris christian christina christine christoph \
 christopher claire clara claudia colin cristina daniel daniela david deborah dennis diana diego dieter dirk \
 dmitri dominik donald dorothy eduardo edward elena eleanor eli elias elif elisa elizabeth ella ellen emil emily \
 emma eric erik erika ernst esther eva evelyn fabian farah fatima felix fernando finn florian frances francesca \
 francesco francois frank franz fred frederic gabriel gabriela george georg gerald gerhard giovanni giulia grace \
 greg gregory guido gustav hannah hans harry hassan heather heidi heike helen helena helga henry herbert hiroshi \
 holger hugo ian ibrahim ines inga ingrid irene iris isabel isabella ivan jack jacob jakob james jan jane janet \
 jason javier jean jeff jennifer jens jessica jim joan joao joe joel johan johanna johannes john jonas jonathan \
 jorge jose josef joseph joshua juan judith julia julian julie juliette jun jurgen karen karin karl karsten kate \
 katharina katherine kathrin katja kenji kevin kim klaus kristina kumar kurt lara lars laura lea leah lee lena leo \
 leon leonie li liam lily linda lisa lorenzo louis louise luca lucas lucia lucy luis luisa lukas luke magdalena \
 maja manuel manuela marc marcel marco marcus margaret maria mariana marie marina mario marion mark markus marta \
 martha martin martina mary mateo matteo matthew matthias maurice max maximilian may mei melanie mia michael \
 michelle miguel mike mila mira miriam mohamed mohammed monica monika morgan muhammad nadia nadine naomi natalia \
 natalie nathan neil nicholas nick nico nicole nils nina noah nora olga oliver olivia omar oscar oskar pablo paolo \
 patricia patrick paul paula paulo pedro peter petra philip philipp pierre pietro priya rachel rafael rahul ralf \
 ralph ravi raymond rebecca regina renate ricardo richard rita robert roberto robin roger roland rosa rose ruth \
 ryan sabine sabrina samantha samir samuel sandra sara sarah sebastian sergei shreya silke silvia simon simone \
 sofia sofie sonja sophia sophie stefan stefanie stella stephan stephanie stephen steve steven sunita susan \
 susanne sven svetlana sylvia tanja tariq teresa theo theresa thomas thorsten tim timothy tobias tom tomas torsten \
 udo ulrich ulrike ursula uwe valentina vanessa vera veronica victor victoria vincent viktor vladimir walter wei \
 werner wendy wilhelm william wolfgang xavier yan yasmin yuki yusuf yvonne zoe";

const PLACES: &str = "Afghanistan Africa Amsterdam Argentina Asia Athens Atlanta Australia Austria Bangalore Bangkok \
 Barcelona Basel Beijing Belgium Berlin Bern Birmingham Bogotá Boston Brazil Bremen Bristol Brussels Bucharest \
 Budapest Bulgaria Cairo California Canada Chicago Chile China Cologne Colombia Copenhagen Croatia Czechia Dallas \
 Delhi Denmark Denver Dortmund Dresden Dubai Dublin Düsseldorf Edinburgh Egypt England Essen Estonia Ethiopia \
 Europe Finland Florence Florida France Frankfurt Geneva Germany Ghana Glasgow Greece Hamburg Hanoi Hannover \
 Heidelberg Helsinki Houston Hungary Iceland India Indonesia Iran Iraq Ireland Israel Istanbul Italy Jakarta Japan \
 Johannesburg Karachi Kenya Kiel Korea Kraków Kyiv Lagos Latvia Leeds Leipzig Lima Lisbon Lithuania Liverpool \
 London Luxembourg Lyon Madrid Malaysia Manchester Manila Marseille Melbourne Mexico Miami Milan Montreal Morocco \
 Moscow Mumbai Munich München Nairobi Naples Netherlands Nigeria Norway Nuremberg Oslo Oxford Pakistan Paris Peru \
 Philadelphia Philippines Phoenix Poland Porto Portugal Potsdam Prague Rome Romania Rotterdam Russia Salzburg \
 Scotland Seattle Seoul Serbia Shanghai Singapore Slovakia Slovenia Sofia Spain Stockholm Stuttgart Sweden \
 Switzerland Sydney Taipei Taiwan Texas Thailand Tokyo Toronto Tunisia Turin Turkey Ukraine Valencia Vancouver \
 Venice Vienna Vietnam Wales Warsaw Washington Wien Zagreb Zurich Zürich";

const LONG_PLACES: &[&str] = &[
    "New York",
    "Los Angeles",
    "San Francisco",
    "San Diego",
    "San Jose",
    "Las Vegas",
    "United States",
    "United Kingdom",
    "South Africa",
    "South Korea",
    "North America",
    "South America",
    "New Zealand",
    "New Delhi",
    "Hong Kong",
    "São Paulo",
    "Rio de Janeiro",
    "Buenos Aires",
    "Mexico City",
    "Cape Town",
    "Tel Aviv",
    "Saudi Arabia",
    "Costa Rica",
    "Czech Republic",
    "European Union",
    "Sri Lanka",
    "Abu Dhabi",
    "Northern Ireland",
    "The Hague",
];

/// Capitalised words that are part of no name.
const PLAIN: &str = "january february march april may june july august september october november december monday \
 tuesday wednesday thursday friday saturday sunday montag dienstag mittwoch donnerstag freitag samstag sonntag dear \
 hello hi hey thanks thank regards best kind please sincerely yours from to subject date re fw fwd cc the a an this \
 that these those we you they he she it i my our your his her their and or but if when while after before what who \
 how where why which yes no not order invoice ticket customer account phone email mobile support team sales note \
 page section chapter figure table version question answer summary introduction conclusion item items total der die \
 das ein eine wir sie ich herr frau am im in on at for with of by as is are was were will can could would should \
 all any some each every new old good great last next first second third there here since until because also \
 however today tomorrow yesterday grüße viele liebe sehr mit freundlichen gruss monsieur madame ok faq urgent help \
 still no nothing cheers warm sincerely faithfully gruß grusse gruss guten tag about according during under over both either let just more most many much";

pub(super) static FIRST_NAMES: LazyLock<HashSet<&str>> = LazyLock::new(|| FIRST.split_whitespace().collect());
static PLACE_NAMES: LazyLock<HashSet<&str>> = LazyLock::new(|| PLACES.split_whitespace().collect());
pub(super) static PLAIN_WORDS: LazyLock<HashSet<&str>> = LazyLock::new(|| PLAIN.split_whitespace().collect());

pub(super) fn is_place(text: &str) -> bool {
    PLACE_NAMES.contains(text) || LONG_PLACES.contains(&text)
}
