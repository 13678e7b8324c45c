//! Labels that stand on a scale (`low` … `urgent`, `negative` … `positive`) are told by tone, not by subject.

use super::tone::{sentiment, urgency};
use super::{Features, Label, Verdict, split_name};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Scale {
    Urgency,
    Sentiment,
}

/// Label words and their height: 1 (can wait) to 5 (drop everything).
const HEIGHTS: &[(f32, &str)] = &[
    (
        5.0,
        "urgent critical emergency blocker immediate highest p0 sev0 sev1 s1 severe kritisch dringend urgente showstopper very_high",
    ),
    (4.0, "high major important p1 elevated hoch haute alta serious asap sev2 s2"),
    (3.0, "medium normal moderate standard regular default p2 average mittel moyenne media sev3 s3 routine"),
    (2.0, "low minor p3 small niedrig basse baja sev4 s4 not_urgent"),
    (1.0, "lowest trivial none p4 informational info very_low cosmetic planning"),
];
/// -2 (very displeased) to 2.
const MOODS: &[(f32, &str)] = &[
    (2.0, "very_positive delighted enthusiastic excellent"),
    (1.0, "positive happy satisfied pleased good favorable promoter positiv positif positivo"),
    (0.0, "neutral calm mixed indifferent passive objective none ok okay"),
    (
        -1.0,
        "negative unhappy dissatisfied bad unfavorable critical detractor negativ negatif negativo frustrated disappointed upset",
    ),
    (-2.0, "very_negative angry furious hostile terrible"),
];

fn height(table: &[(f32, &str)], label: &Label) -> Option<f32> {
    let name = split_name(&label.name).to_lowercase().trim().replace(' ', "_");
    let exact =
        |wanted: &str| table.iter().find(|it| it.1.split(' ').any(|word| word == wanted)).map(|it| it.0);
    exact(&name).or_else(|| {
        let words: Vec<&str> = name
            .split('_')
            .filter(|it| !matches!(*it, "priority" | "urgency" | "severity" | "impact"))
            .collect();
        if words.len() == 1 { exact(words[0]) } else { None }
    })
}

impl Scale {
    pub(in super::super) fn of(labels: &[Label], purpose: &str) -> Option<Self> {
        if labels.len() < 2 {
            return None;
        }
        let on = |table| labels.iter().filter(|it| height(table, it).is_some()).count();
        let (heights, moods) = (on(HEIGHTS), on(MOODS));
        let purpose = purpose.to_lowercase();
        let asks_mood = ["sentiment", "mood", "tone", "emotion", "stimmung", "satisf"]
            .iter()
            .any(|it| purpose.contains(it));
        if moods >= 2 && moods * 3 >= labels.len() * 2 && (asks_mood || moods > heights) {
            return Some(Self::Sentiment);
        }
        let asks_risk = purpose.contains("confidence") || purpose.contains("quality");
        (heights >= 2 && heights * 3 >= labels.len() * 2 && !asks_risk).then_some(Self::Urgency)
    }

    pub(super) fn pick(self, features: &Features, labels: &[Label]) -> Verdict {
        let (table, target, said, because) = match self {
            Self::Urgency => {
                let (sum, because) = urgency(features);
                let target = match sum {
                    it if it >= 5.5 => 5.0,
                    it if it >= 1.6 => 4.0,
                    it if it > -1.0 => 3.0,
                    it if it > -4.5 => 2.0,
                    _ => 1.6,
                };
                (HEIGHTS, target, sum.abs(), because)
            }
            Self::Sentiment => {
                let (balance, said, because) = sentiment(features);
                let target = match balance {
                    it if it > 0.8 && said >= 4.0 => 2.0,
                    it if it > 0.25 => 1.0,
                    it if it >= -0.25 => 0.0,
                    it if it < -0.8 && said >= 4.0 => -2.0,
                    _ => -1.0,
                };
                (MOODS, target, said, because)
            }
        };
        let distance = |label: &Label| height(table, label).map_or(f32::MAX, |it| (it - target).abs());
        let best = (0..labels.len())
            .min_by(|a, b| distance(&labels[*a]).total_cmp(&distance(&labels[*b])).then(a.cmp(b)))
            .unwrap_or(0);
        let scores = labels.iter().map(|it| (5.0 - distance(it)).max(0.0)).collect();
        let confidence = f64::from((0.45 + 0.5 * said / (said + 2.5)).min(0.97));
        Verdict { label: best, confidence, because, scores }
    }
}
