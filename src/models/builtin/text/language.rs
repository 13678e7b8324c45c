//! Which language a text is in, as far as the small words and the script tell, and the words that say nothing.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::words::fold;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Language {
    En,
    De,
    Fr,
    Es,
    It,
    Pt,
    Nl,
    /// Told by the script alone: an ISO 639-1 code.
    Script(&'static str),
    Unknown,
}

/// Han, kana, Hangul is left out: Korean writes words with blanks between.
pub(in super::super) fn is_ideograph(c: char) -> bool {
    matches!(c as u32,
        0x3040..=0x30FF | 0x31F0..=0x31FF | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF
        | 0x20000..=0x3134F | 0x0E01..=0x0E30)
}

const EN: &str = "a about above after again all also although always am among an and another any are aren't as at \
 be because been before being below between both but by can can't cannot could couldn't did didn't do does \
 doesn't doing don't down during each either else even ever every few for from further get gets go got had \
 hadn't has hasn't have haven't having he her here hers herself him himself his how however i i'd i'll i'm i've \
 if in into is isn't it it's its itself just least less let let's like made make makes many may me might mine \
 more most much must my myself near need neither never no nor not now of off often on once one only onto or \
 other others our ours out over own per please quite rather really same shall she should since so some still \
 such take than that that's the their theirs them themselves then there there's these they they're this those \
 though through to too two under until up upon us use used uses using very via was wasn't we we're we've well \
 were what when where whether which while who whom whose why will with within without won't would yes yet you \
 you'd you'll you're you've your yours yourself etc eg ie vs dear hello hi thanks thank regards";
const DE: &str = "aber alle allem allen aller alles als also am an andere anderen auch auf aus bei beim bin bis bist \
 da damit dann das dass dem den der des die dies diese diesem diesen dieser dieses doch dort du durch ein eine \
 einem einen einer eines er es etwas euch fur gegen habe haben hat hatte hier ich ihm ihn ihnen ihr ihre ihrem \
 ihren ihrer im in ins ist ja jede jedem jeden jeder jedes kann kein keine konnen mein meine meinem meinen \
 meiner mit muss nach nicht noch nun nur ob oder ohne sehr sein seine seinem seinen seiner sich sie sind so \
 soll sondern uber um und uns unser unsere unter viel vom von vor war waren was weil wenn werden wie wieder \
 wir wird wurde wurden zu zum zur zwischen bitte hallo";
const FR: &str = "a ai au aux avec avoir bien c'est car ce cela ces cet cette chez comme d dans de des deux donc du \
 elle elles en encore entre est et etait etre eu fait il ils j'ai je jusqu l la le les leur leurs lui mais me \
 meme mes moi mon ne nos notre nous on ont ou par pas peu peut plus pour qu que qui s sa sans se ses si son \
 sont sous sur ta te tes ton tous tout toute toutes tres tu un une vos votre vous y bonjour merci";
const ES: &str = "a al algo alguna alguno ante antes aqui asi aunque cada como con cual cuando de del desde donde dos \
 el ella ellas ellos en entre era eran es esa ese eso esta estan estas este esto estos fue fueron ha han hasta \
 hay la las le les lo los mas me mi mis mucho muy nada ni no nos nosotros o otra otro para pero poco por porque \
 puede que quien se ser si sin sobre son su sus tambien tan te tiene todo todos tu un una uno unos y ya yo hola \
 gracias";
const IT: &str = "a ad agli ai al alla alle allo anche ancora che chi ci come con cosa da dai dal dalla dei del della \
 delle dello di dove e ed era essere fra gli ha hanno ho i il in io la le lei lo loro lui ma mi mia mio nei nel \
 nella noi non nostro o per perche piu quale quando quella quello questa questo qui se sei si sia siamo sono su \
 sua sue sui sul sulla suo tra tu tutti tutto un una uno vi voi ciao grazie";
const PT: &str = "a ao aos as ate com como da das de dela dele depois do dos e ela elas ele eles em entre era essa \
 esse esta estao este eu foi foram ha isso isto ja la lhe mais mas me mesmo meu minha muito na nao nas nem no \
 nos nosso num numa o os ou para pela pelo por porque qual quando que quem se sem ser seu seus sua suas sao \
 tambem te tem tu um uma voce ola obrigado";
const NL: &str = "aan als bij dan dat de deze die dit doen door dus een en er ook geen had heb hebben heeft het hier \
 hij hoe hun ik in is ja je kan kunnen maar me meer men met mijn moet na naar niet nog nu of om omdat onder ons \
 ook op over te toch toen tot u uit uw van veel voor waar want waren was wat we wel werd wie wij wil worden \
 wordt zal ze zich zij zijn zo zou";

type Words = HashSet<String>;

static STOPWORDS: LazyLock<[(Language, Words); 7]> = LazyLock::new(|| {
    let set = |text: &str| text.split_whitespace().map(fold).collect::<Words>();
    [
        (Language::En, set(EN)),
        (Language::De, set(DE)),
        (Language::Fr, set(FR)),
        (Language::Es, set(ES)),
        (Language::It, set(IT)),
        (Language::Pt, set(PT)),
        (Language::Nl, set(NL)),
    ]
});

/// Characters looked at to tell the language.
const SAMPLE_CHARS: usize = 20_000;

impl Language {
    pub(in super::super) fn of(text: &str) -> Self {
        let sample_end = text.char_indices().nth(SAMPLE_CHARS).map_or(text.len(), |it| it.0);
        let sample = &text[..sample_end];
        if let Some(code) = by_script(sample) {
            return Self::Script(code);
        }
        let mut hits = [0_usize; 7];
        for word in
            sample.split(|c: char| !c.is_alphabetic() && c != '\'' && c != '’').filter(|it| !it.is_empty())
        {
            let folded = fold(word);
            for (hit, (_, set)) in hits.iter_mut().zip(STOPWORDS.iter()) {
                *hit += usize::from(set.contains(&folded));
            }
        }
        let best = (0..hits.len()).max_by_key(|it| (hits[*it], std::cmp::Reverse(*it))).unwrap_or(0);
        if hits[best] == 0 { Self::Unknown } else { STOPWORDS[best].0 }
    }

    /// ISO 639-1, or nothing where we cannot tell.
    pub(in super::super) fn code(self) -> Option<&'static str> {
        Some(match self {
            Self::En => "en",
            Self::De => "de",
            Self::Fr => "fr",
            Self::Es => "es",
            Self::It => "it",
            Self::Pt => "pt",
            Self::Nl => "nl",
            Self::Script(code) => code,
            Self::Unknown => return None,
        })
    }

    pub(in super::super) fn name(self) -> Option<&'static str> {
        Some(match self.code()? {
            "en" => "English",
            "de" => "German",
            "fr" => "French",
            "es" => "Spanish",
            "it" => "Italian",
            "pt" => "Portuguese",
            "nl" => "Dutch",
            "ja" => "Japanese",
            "zh" => "Chinese",
            "ko" => "Korean",
            "ru" => "Russian",
            "el" => "Greek",
            "ar" => "Arabic",
            "he" => "Hebrew",
            "hi" => "Hindi",
            "th" => "Thai",
            _ => return None,
        })
    }

    /// English words that say nothing count everywhere: most texts have some.
    pub(in super::super) fn is_stopword(self, folded: &str) -> bool {
        STOPWORDS[0].1.contains(folded)
            || STOPWORDS.iter().any(|(language, set)| *language == self && set.contains(folded))
    }
}

fn by_script(sample: &str) -> Option<&'static str> {
    let mut counts: [(&'static str, usize); 9] =
        [("ja", 0), ("zh", 0), ("ko", 0), ("ru", 0), ("el", 0), ("ar", 0), ("he", 0), ("hi", 0), ("th", 0)];
    let mut latin = 0;
    for c in sample.chars().filter(|it| it.is_alphabetic()) {
        let slot = match c as u32 {
            0x3040..=0x30FF => 0,
            0x3400..=0x9FFF => 1,
            0xAC00..=0xD7AF => 2,
            0x0400..=0x04FF => 3,
            0x0370..=0x03FF => 4,
            0x0600..=0x06FF => 5,
            0x0590..=0x05FF => 6,
            0x0900..=0x097F => 7,
            0x0E00..=0x0E7F => 8,
            _ => {
                latin += 1;
                continue;
            }
        };
        counts[slot].1 += 1;
    }
    if counts[0].1 > 0 {
        counts[0].1 += counts[1].1;
    }
    let best = counts.iter().max_by_key(|it| it.1)?;
    (best.1 > latin).then_some(best.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(Language::of(text).code(), expected, "{text}");
    }

    #[test]
    fn small_words_and_script_tell_the_language() {
        check("The order has not arrived and I would like to know where it is.", Some("en"));
        check("Ich habe die Rechnung noch nicht bekommen und warte auf eine Antwort.", Some("de"));
        check("Je n'ai pas encore reçu la facture et nous attendons votre réponse.", Some("fr"));
        check("No he recibido la factura y necesito que me la envíen por correo.", Some("es"));
        check("Счёт ещё не пришёл.", Some("ru"));
        check("請求書はまだ届いていません。", Some("ja"));
        check("发票还没有收到。", Some("zh"));
        check("4711", None);
    }
}
