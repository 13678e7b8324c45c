//! A light stemmer: brings the forms of a word together (`charged`, `charges`, `charging`). Made for English,
//! harmless elsewhere: it only shortens, and both sides of every comparison are stemmed alike.

/// The stem of a folded word. Words that are not plain ASCII letters come back unchanged, but for a plural `s`.
pub(in super::super) fn stem(word: &str) -> String {
    let word = word.strip_suffix("'s").unwrap_or(word);
    if word.len() < 4 || word == "news" || !word.bytes().all(|it| it.is_ascii_lowercase()) {
        return word.to_owned();
    }
    let singular = without_plural(word);
    let plain = without_tense(&singular);
    let root = without_ending(&plain);
    tidy(root)
}

fn without_plural(word: &str) -> String {
    if let Some(base) = word.strip_suffix("ies") {
        return if base.len() > 1 { format!("{base}y") } else { format!("{base}ie") };
    }
    for (ending, keep) in [("sses", 2), ("shes", 2), ("ches", 2), ("xes", 1)] {
        if let Some(base) = word.strip_suffix(ending) {
            return format!("{base}{}", &ending[..keep]);
        }
    }
    match word.strip_suffix('s') {
        Some(base) if !base.ends_with(['s', 'u', 'i']) && base.len() > 2 => base.to_owned(),
        _ => word.to_owned(),
    }
}

fn without_tense(word: &str) -> String {
    for ending in ["ingly", "edly", "ing", "ed"] {
        let Some(base) = word.strip_suffix(ending) else { continue };
        if base.len() < 3 || !base.contains(['a', 'e', 'i', 'o', 'u', 'y']) {
            continue;
        }
        let bytes = base.as_bytes();
        let last = bytes[bytes.len() - 1];
        let doubled = bytes[bytes.len() - 2] == last && !matches!(last, b'l' | b's' | b'z' | b'e' | b'o');
        return base[..base.len() - usize::from(doubled)].to_owned();
    }
    word.to_owned()
}

/// Endings that change the class of a word, and how long what remains must be.
const ENDINGS: &[(&str, usize, &str)] = &[
    ("ization", 3, "ize"),
    ("isation", 3, "ize"),
    ("ication", 3, "ic"),
    ("fulness", 3, ""),
    ("ation", 4, ""),
    ("ement", 3, ""),
    ("ically", 3, "ic"),
    ("ility", 3, "le"),
    ("ment", 3, ""),
    ("ness", 3, ""),
    ("ance", 4, ""),
    ("ence", 4, ""),
    ("able", 4, ""),
    ("ible", 4, ""),
    ("sion", 4, "s"),
    ("tion", 4, "t"),
    ("ful", 3, ""),
    ("ity", 4, ""),
    ("ive", 4, ""),
    ("ise", 4, "ize"),
    ("ly", 4, ""),
];

fn without_ending(word: &str) -> String {
    for (ending, least, put) in ENDINGS {
        if let Some(base) = word.strip_suffix(ending)
            && base.len() >= *least
            && base != "docu"
        {
            return format!("{base}{put}");
        }
    }
    word.to_owned()
}

fn tidy(mut word: String) -> String {
    if word.len() > 4 && word.ends_with('e') {
        word.pop();
    }
    if word.len() > 5 && word.ends_with("ll") {
        word.pop();
    }
    if word.len() > 3 && word.ends_with('y') {
        word.pop();
        word.push('i');
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(forms: &[&str]) {
        let first = stem(forms[0]);
        for form in forms {
            assert_eq!(stem(form), first, "{form} and {}", forms[0]);
        }
    }

    #[test]
    fn forms_of_a_word_meet() {
        check(&["charge", "charges", "charged", "charging"]);
        check(&["cancel", "cancels", "cancelled", "cancelling", "cancellation"]);
        check(&["bill", "bills", "billed", "billing"]);
        check(&["invoice", "invoices", "invoiced", "invoicing"]);
        check(&["pay", "pays", "payment", "payments", "paying"]);
        check(&["deliver", "delivered", "delivers"]);
        check(&["delivery", "deliveries"]);
        check(&["crash", "crashes", "crashed", "crashing"]);
        check(&["install", "installed", "installing", "installation"]);
        check(&["document", "documents", "documented"]);
        check(&["agent", "agents", "agent's"]);
        check(&["ship", "shipping", "shipped", "shipment"]);
    }

    #[test]
    fn different_words_stay_apart() {
        for (a, b) in
            [("bus", "busy"), ("king", "kind"), ("news", "new"), ("need", "nee"), ("order", "ordinary")]
        {
            assert_ne!(stem(a), stem(b), "{a} and {b}");
        }
    }
}
