//! What labels usually mean: for some subjects, the words and phrases that speak for them. A phrase is written with
//! `_`; `word:3` weighs three, otherwise one and a half.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::features::phrase;

/// Label words, and what speaks for them.
const SUBJECTS: &[(&str, &str)] = &[
    (
        "billing payment payments invoice invoices finance accounting rechnung zahlung facturation",
        "invoice:2.5 charge:2.2 charged_twice:3.5 double_charge:3 twice payment:2 pay:1.6 paid bill:2 refund:2.2 money \
         price credit_card:2.5 card debit bank overcharged:3 subscription_fee fee receipt:2 vat tax amount \
         direct_debit:2.5 transaction dollar euro iban dunning_letter:3 reminder rechnung:2.5 bezahlt:2 abgebucht:2.5 \
         mahnung:2.5 betrag lastschrift:2.5 facture:2.5 paiement:2 factura:2.5 cobro:2 cobrado:2 pago:2 renewal_price \
         請求:2.5 支払 返金:2.5 发票:2.5 付款:2",
    ),
    (
        "refund refunds erstattung",
        "refund:3 money_back:3 reimburse:3 reimbursement:3 charged_twice:2 chargeback:2.5 credit_note:2 return_the_money:3 \
         erstattung:3 rembourser:3 reembolso:3 返金:3 退款:3",
    ),
    (
        "technical technic tech bug bugs error defect incident technik",
        "error:2.2 crash:2.5 bug:2.5 broken:2 not_work:2.2 doesn't_work:2.5 won't_start:2.5 fail:2 failure:2 exception:2.5 \
         freeze:2 frozen:2 slow hang timeout:2 timed_out:2 500 502 503 404 blank_page:2.5 white_screen:2.5 stack_trace:3 \
         install update upgrade app server api:1.6 browser log reproduce:2 regression:2.5 glitch:2.5 unresponsive:2.5 \
         sync upload export import integration screen load version fehler:2.5 absturz:2.5 sturzt:2.5 funktioniert_nicht:3 \
         kaputt:2 erreur:2.5 panne:2 fallo:2.5 不具合:2.5 エラー:2.5 错误:2.5",
    ),
    (
        "outage availability downtime",
        "down:2.2 outage:3.5 offline:2.5 unavailable:2.5 unreachable:2.5 503 not_reachable:2.5 service_is_down:3 \
         all_user status_page:2 ausfall:3",
    ),
    (
        "account access login authentication password credentials konto zugang",
        "login:2.8 log_in:2.8 sign_in:2.8 logged_out:2.5 password:3 reset:1.5 locked:2.2 locked_out:3 two_factor:2.8 2fa:2.8 \
         mfa:2.8 verification_code:2.5 username:2.2 account:1.3 access:1.5 permission:1.6 credential:2 sso:2.8 session \
         passwort:3 anmelden:2.5 einloggen:2.8 gesperrt:2.2 mot_de_passe:3 contrasena:3 ログイン:3 パスワード:3 密码:3 登录:2.5",
    ),
    (
        "security abuse fraud phishing",
        "hacked:3 breach:3 phishing:3 vulnerability:3 suspicious:2.2 unauthorized:2.5 stolen:2.2 leak:2.2 malware:3 ransomware:3 \
         attack:1.8 fraud:3 scam:2.5 compromised:3 cve:2.5 exploit:2.2 strange_login:2.5",
    ),
    (
        "shipping delivery logistics shipment versand lieferung transport",
        "parcel:3 package:2 deliver:2.5 delivery:2.5 delivered:2 ship:2.2 shipment:2.5 courier:2.8 tracking:2.5 track \
         arrive:1.5 arrived:1.6 customs:2.5 warehouse:1.8 late address lost_in_transit:3 carrier:2 pallet:2.2 container \
         driver paket:3 lieferung:2.8 versand:2.5 sendung:2.5 colis:3 livraison:2.8 envio:2.5 paquete:3 荷物:2.5 配送:2.8 快递:2.8",
    ),
    (
        "order orders purchase bestellung",
        "order:2 purchase:1.8 ordered:2 bought cart:1.8 checkout:2 item bestellt:2.2 bestellung:2.5 commande:2.2 pedido:2.2",
    ),
    (
        "return returns exchange warranty damaged retoure",
        "return:2 exchange:2 warranty:2.8 damaged:2.5 defective:2.2 broken:1.5 wrong_item:3 wrong_size:3 send_back:2.5 \
         replacement:2.2 scratch:2 torn:2 retoure:3 umtausch:2.8",
    ),
    (
        "cancel cancellation subscription churn unsubscribe kundigung",
        "cancel:2.8 unsubscribe:2.8 terminate:2.2 end_my_subscription:3 subscription:1.6 close_my_account:2.8 renewal:1.8 \
         stop_my_plan:3 kundigen:3 kundigung:3 resilier:3 cancelar:2.8",
    ),
    (
        "sales pricing quote quotation lead presales",
        "quote:2.5 pricing:2.5 price_list:2.5 discount:2 demo:2 buy:1.6 purchase license:1.6 seat:1.6 offer:1.6 enterprise_plan:2.5 \
         interested:1.8 trial:1.6 upgrade proposal:1.8 volume angebot:2.2",
    ),
    (
        "feature enhancement suggestion idea wunsch improvement",
        "feature:2.2 would_be_great:3 would_be_nice:3 would_love:2.2 please_add:3 could_you_add:3 you_could_add:3 add_a:1.4 \
         suggest:2 suggestion:2.2 wish:1.8 request missing:1.2 support_for:1.8 dark_mode:2.2 improve:1.6 enhancement:2.5 \
         idea:1.8 roadmap:2 it_would_help:2 wunsche:2 vorschlag:2.2",
    ),
    (
        "feedback praise compliment",
        "great:1.4 love:1.8 thank:1.2 excellent:1.8 amazing:1.8 happy_with:2 well_done:2.2 keep_up:2 feedback:2 opinion:1.5",
    ),
    (
        "complaint grievance beschwerde",
        "complaint:3 complain:3 disappointed:2.2 unacceptable:2.8 terrible:2 rude:2.2 worst:2 never_again:2.5 dissatisfied:2.5 \
         poor_service:2.5 angry:2 fed_up:2.5 beschwerde:3",
    ),
    (
        "question howto how-to information inquiry enquiry documentation help guidance",
        "how_do_i:2.8 how_can_i:2.8 how_to:2.2 where_can_i:2.5 what_is:1.5 is_it_possible:2.2 can_you_explain:2.5 documentation:2.2 \
         guide:1.8 tutorial:2 question:1.8 wonder:1.6 explain:1.6 could_you_tell:2.2",
    ),
    (
        "legal compliance privacy gdpr contract recht datenschutz",
        "contract:2 gdpr:3 privacy:2.5 lawyer:2.8 legal:2.2 liability:2.5 clause:2.2 terms:1.5 consent:2 delete_my_data:3 \
         personal_data:2.5 court:2 lawsuit:2.8 license:1.2 regulation:2 dsgvo:3 data_protection:2.8 nda:2.5 copyright:2.5",
    ),
    (
        "hr human hiring recruiting recruitment personnel job jobs career careers",
        "vacation:2.2 salary:2.5 payroll:2.5 candidate:2.5 interview:2 application:1.4 cv:2.5 resume:2.2 hire:2.2 employee:1.8 \
         sick_leave:3 parental_leave:3 onboarding:2.2 position:1.2 internship:2.5 applicant:2.5 job:1.8",
    ),
    (
        "spam junk scam",
        "free:1.2 prize:2.8 winner:2.5 click_here:3 lottery:3 viagra:3 casino:3 pills:2.5 claim:1.2 congratulations:1.6 act_now:2.8 \
         limited_time:2.5 seo_service:3 crypto:1.6 earn_money:2.8 inheritance:2.5 cheap:1.5 guaranteed:1.6 buy_now:2.5",
    ),
    (
        "hardware device equipment",
        "laptop:2.5 printer:2.8 monitor:2.2 keyboard:2.5 mouse:2 battery:2.2 screen cable:2.2 usb:2.2 disk phone router:2 headset:2.5 docking:2.2",
    ),
    (
        "network connectivity internet",
        "wifi:2.8 wi_fi:2.8 vpn:2.8 network:2.5 dns:2.5 connection:2 internet:2 router:2.2 firewall:2.5 latency:2 packet:2",
    ),
    (
        "performance speed",
        "slow:2.8 latency:2.5 performance:2.5 lag:2.5 takes_forever:3 memory cpu:2 timeout:1.6",
    ),
    (
        "data reporting analytics report",
        "report:1.8 dashboard:2.2 export:1.8 csv:2 chart:2 metric:2 spreadsheet:2 analytics:2.2",
    ),
    (
        "sports sport",
        "match:2 team:1.6 player:2 goal:1.8 score:1.8 coach:2 league:2.2 tournament:2.2 championship:2.2 striker:2.5 season olympic:2.2 football:2.2 tennis:2.2 won win",
    ),
    (
        "politics politic political government",
        "election:2.5 parliament:2.8 president:1.8 minister:2.2 vote:2 government:2.2 senate:2.5 bill policy:1.6 campaign:1.6 party coalition:2.2 law congress:2.5",
    ),
    (
        "business economy economics market markets financial",
        "shares:2.2 stock:2.2 profit:2.5 revenue:2.5 company:1.5 market:1.8 quarterly:2 merger:2.5 investor:2.2 inflation:2.2 bank trade ceo:2 earnings:2.5 economy:2.2",
    ),
    (
        "technology computing software it",
        "software:2.2 chip:2 computer:2 ai:2 algorithm:2.2 startup:1.6 smartphone:2.2 cloud:1.8 data robot:2.2 programming:2.2 developer:1.8 cyber:2 internet:1.6",
    ),
    (
        "science research",
        "researcher:2.2 scientist:2.5 study:1.8 experiment:2.2 species:2 physics:2.5 telescope:2.5 discovery:2 laboratory:2 genome:2.5 planet:2.2",
    ),
    (
        "health medical medicine healthcare",
        "patient:2.2 doctor:2 hospital:2.2 disease:2.5 vaccine:2.5 treatment:2 symptom:2.2 virus:2.2 therapy:2.2 clinic:2.2 diagnosis:2.5 pain drug:1.8",
    ),
    (
        "entertainment culture arts music film",
        "film:2.2 movie:2.2 actor:2.2 album:2.5 concert:2.5 singer:2.5 festival:2 novel:2 theatre:2.2 exhibition:2.2 series",
    ),
    (
        "travel tourism",
        "hotel:2.5 flight:2.5 trip:2 tourist:2.5 airport:2.2 vacation:1.8 booking:1.8 beach:2 visa:1.8 itinerary:2.5",
    ),
    (
        "education school learning",
        "student:2.5 teacher:2.5 school:2.2 university:2 course:1.8 exam:2.2 lesson:2.2 curriculum:2.5 homework:2.5",
    ),
    (
        "environment climate weather",
        "climate:2.5 emission:2.5 carbon:2.2 storm:2.2 rain:2 temperature:1.8 flood:2.2 renewable:2.2 forecast:1.8 drought:2.2",
    ),
    (
        "meeting minutes protocol",
        "agenda:2.5 attendees:2.8 minutes:2.2 action_items:2.8 discussed:2 next_meeting:2.8 decided:1.8 agreed:1.5 present",
    ),
    ("letter email correspondence", "dear:1.6 regards:1.6 sincerely:2 subject from"),
    ("news article press", "reported:1.6 according_to:1.6 announced:1.8 spokesperson:2.5 journalist:2.2"),
    (
        "appointment scheduling calendar",
        "appointment:2.8 reschedule:2.8 calendar:2.2 slot:2 available_on:2 booking:1.8 schedule:2",
    ),
    (
        "marketing",
        "campaign:2.2 newsletter:2.5 brand:2 social_media:2.5 advertisement:2.5 audience:2 conversion:1.8 seo:2.2",
    ),
];

type Terms = Vec<(String, f32)>;

static BY_WORD: LazyLock<HashMap<String, usize>> = LazyLock::new(|| {
    let mut by_word = HashMap::new();
    for (at, (keys, _)) in SUBJECTS.iter().enumerate() {
        for key in keys.split(' ') {
            by_word.entry(phrase(key)).or_insert(at);
        }
    }
    by_word
});
static TERMS: LazyLock<Vec<Terms>> = LazyLock::new(|| {
    let read = |entry: &str| {
        let (term, weight) = entry.split_once(':').unwrap_or((entry, "1.5"));
        (phrase(&term.replace('_', " ")), weight.parse().unwrap_or(1.5))
    };
    SUBJECTS.iter().map(|it| it.1.split_whitespace().map(read).collect()).collect()
});

/// What usually speaks for a label with this stem in its name.
pub(super) fn terms(stem: &str) -> &'static [(String, f32)] {
    BY_WORD.get(stem).map_or(&[], |it| TERMS[*it].as_slice())
}
