//! The page of a watch: one file with all that it needs. What it shows comes as JSON, and is put in place as text.

/// Colours and letters that it shares with the report.
const LOOK: &str = include_str!("../look.css");
const STYLE: &str = include_str!("page/style.css");
const SCRIPT: &str = include_str!("page/page.js");
const PAGE: &str = include_str!("page/page.html");
const DOOR: &str = include_str!("page/door.html");

/// What a browser may do with a page: run and dress it with what bears the nonce, ask this server, and nothing else.
pub fn policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; img-src data:; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'"
    )
}

fn filled(frame: &str, nonce: &str) -> String {
    let style = format!("{LOOK}{STYLE}");
    frame.replace("{nonce}", nonce).replace("{style}", &style).replace("{script}", SCRIPT)
}

/// The page itself.
pub fn page(nonce: &str) -> String {
    filled(PAGE, nonce)
}

/// The form for who has not named the token; `wrong`, if what was named is not it.
pub fn door(nonce: &str, wrong: bool) -> String {
    let note = if wrong { "<p class=\"wrong\" role=\"alert\">That is not the token.</p>" } else { "" };
    filled(DOOR, nonce).replace("{note}", note)
}
