//! The tone of a text: how urgent it is and whether its writer is pleased.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::features::{Features, phrase};

const URGENT: &str = "urgent:3 urgently:3 asap:3 as_soon_as_possible:3 immediately:2.5 emergency:3.5 critical:2.5 blocker:3 blocked:2 \
 production:1.5 is_down:2.8 are_down:2.8 went_down:2.5 outage:3.2 all_user:2 all_customer:2 all_our_customer:2.2 nobody_can:2.5 \
 no_one_can:2.5 everyone:1 data_loss:3.2 lost_data:2.8 breach:3.2 hacked:3 security:1.2 leak:1.8 cannot_work:2.5 can't_work:2.5 \
 stopped_working:1.5 losing_money:3 deadline:1.6 today:1 tomorrow:1 right_now:2 right_away:2.2 at_once:2 waiting_for_day \
 still_waiting:1.5 third_time:2 second_time:1 lawyer:2 legal_action:2.5 unacceptable:1.8 cannot:0.6 can't:0.6 can't_log_in:1 \
 crash:0.9 error:0.5 fail:0.6 charged_twice:1.2 refund:0.7 locked_out:1.4 angry:1 escalate:2 sev1:3.5 p1:3 p0:3.5 stuck:0.8 \
 payroll:1 customers_are_waiting:2 dringend:3 sofort:2.5 notfall:3.5 eilig:2.5 ausfall:3 urgence:3 urgente:3 至急:3 緊急:3 紧急:3 \
 danger:2.5 injury:3 fire:2 unsafe:2.5 hospital:1.2 cancel:0.3 overdue:1.4 final_notice:2 stolen:2 fraud:2.2 damaged:0.8 broken:0.6";
const CALM: &str = "no_rush:3.5 not_urgent:5 no_hurry:3.5 whenever:2 when_you_have_time:3 minor:2 small:0.8 typo:2 cosmetic:2.5 \
 nice_to_have:3 would_be_nice:2.5 would_be_great:2.2 suggestion:2 feature:1 idea:1.5 wonder:1.5 curious:1.8 question:1 how_do_i:1 \
 low_priority:4 thank_you_for:0.6 just_want_to:1 feedback:1.2 someday:2 eventually:1.5 some_time:1 not_a_big_deal:3 keine_eile:3.5 \
 dark_mode:1 love:1 happy:0.8";
const GOOD: &str = "good great excellent amazing love loved lovely perfect wonderful fantastic happy pleased delighted satisfied \
 awesome nice helpful friendly fast easy enjoy enjoyed recommend recommended brilliant outstanding superb thank:0.4 thanks:0.4 \
 impressed impressive glad smooth reliable beautiful comfortable excited success successful improve better fine favorite \
 fun pleasant positive liked gut toll super zufrieden danke:0.4 prima merci:0.4 parfait excellente genial \
 excelente gracias:0.4 bueno ottimo bravo grateful appreciate praise";
const BAD: &str = "bad terrible awful horrible hate hated worst poor disappointed disappointing disappointment angry furious upset \
 annoyed annoying frustrated frustrating broken useless slow rude unacceptable fail failed failure crash crashed error wrong \
 problem late lost damaged defective refund complaint complain never waste overcharged ugly uncomfortable unhappy unreliable \
 dirty expensive worse sad sorry unfortunately ridiculous nightmare scam cheated ignored delay delayed stuck unable missing \
 negative charged_twice schlecht furchtbar kaputt enttauscht leider argerlich fehler mauvais horrible nul decu malo pesimo \
 terrible lamentable pessimo fed_up unresolved confusing painful boring";
const NOT: &[&str] = &[
    "not", "no", "never", "isn't", "wasn't", "don't", "didn't", "doesn't", "can't", "cannot", "hardly",
    "nicht", "kein", "keine", "pas", "without", "nothing", "aren't", "won't",
];
const VERY: &[&str] = &[
    "very",
    "really",
    "extremely",
    "so",
    "absolutely",
    "totally",
    "completely",
    "sehr",
    "tres",
    "muy",
    "incredibly",
];

type Weights = Vec<(String, f32)>;

fn weights(text: &str) -> Weights {
    let read = |entry: &str| {
        let (term, weight) = entry.split_once(':').unwrap_or((entry, "1"));
        (phrase(&term.replace('_', " ")), weight.parse().unwrap_or(1.0))
    };
    text.split_whitespace().map(read).collect()
}

static URGENT_TERMS: LazyLock<Weights> = LazyLock::new(|| weights(URGENT));
static CALM_TERMS: LazyLock<Weights> = LazyLock::new(|| weights(CALM));
static MOOD: LazyLock<HashMap<String, f32>> = LazyLock::new(|| {
    let good = weights(GOOD).into_iter().map(|it| (it.0, it.1));
    good.chain(weights(BAD).into_iter().map(|it| (it.0, -1.0))).collect()
});

/// About -4 (can wait) to 8 and more (drop everything); 0 is ordinary. With what told so.
pub(in super::super) fn urgency(features: &Features) -> (f32, Vec<String>) {
    let mut sum = 0.0;
    let mut because: Vec<(f32, String)> = Vec::new();
    let calm: f32 = CALM_TERMS
        .iter()
        .filter_map(|(term, weight)| features.weight(term).map(|it| it.0.min(1.3) * weight))
        .sum();
    for (term, weight) in URGENT_TERMS.iter() {
        if let Some((strength, shown)) = features.weight(term) {
            let denied = features.has(&format!("not {term}")) || features.has(&format!("no {term}"));
            if !denied {
                sum += weight * strength.min(1.4);
                because.push((weight * strength, shown));
            }
        }
    }
    let marks = features.source.chars().take(4_000).filter(|c| *c == '!').count().min(3) as f32;
    let shouted = features.source.split_whitespace().take(400).filter(|it| {
        it.len() > 4
            && it.chars().all(|c| c.is_uppercase() || c.is_ascii_punctuation())
            && it.chars().any(char::is_uppercase)
    });
    sum += marks * 0.2 + shouted.count().min(3) as f32 * 0.3;
    if calm > sum {
        because.clear();
        for (term, weight) in CALM_TERMS.iter() {
            because.extend(features.weight(term).map(|it| (weight * it.0, it.1)));
        }
    }
    (sum - calm, super::strongest(&mut because))
}

/// -1 (displeased) to 1 (pleased), how much was said either way, and what told so.
pub(in super::super) fn sentiment(features: &Features) -> (f32, f32, Vec<String>) {
    let (mut good, mut bad) = (0.0_f32, 0.0_f32);
    let mut because: Vec<(f32, String)> = Vec::new();
    for (at, word) in features.folded.iter().enumerate() {
        let Some(mood) = MOOD.get(&super::super::text::stem(word)) else { continue };
        let before = &features.folded[at.saturating_sub(3)..at];
        let denied = before.iter().any(|it| NOT.contains(&it.as_str()));
        let strong = before.last().is_some_and(|it| VERY.contains(&it.as_str()));
        let value = mood * if denied { -0.8 } else { 1.0 } * if strong { 1.5 } else { 1.0 };
        if value > 0.0 {
            good += value
        } else {
            bad -= value
        }
        because.push((value.abs(), if denied { format!("not {word}") } else { word.clone() }));
    }
    if features.has(&phrase("charged twice")) {
        bad += 1.0;
    }
    let said = good + bad;
    let balance = if said > 0.0 { (good - bad) / (said + 0.5) } else { 0.0 };
    (balance, said, super::strongest(&mut because))
}
