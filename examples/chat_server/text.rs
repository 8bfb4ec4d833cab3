//! What clients type: made harmless, then understood.

/// Longest nickname or room name, in characters.
pub(crate) const NAME_LIMIT: usize = 20;

pub(crate) const HELP: &[&str] = &[
    "-- a line is said to everybody in your room; one starting with / is a command:",
    "--   /nick NAME   change your nickname",
    "--   /join ROOM   go to a room, which is opened if need be",
    "--   /rooms       the rooms and how many are in them",
    "--   /who         who is in your room",
    "--   /me ACTION   say what you do: /me waves",
    "--   /quit        leave (or press Ctrl-D)",
    "--   /help        this text",
    "--   //TEXT       say a line that starts with /",
];

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Say(String),
    Emote(String),
    Nick(String),
    Join(String),
    Rooms,
    Who,
    Help,
    Quit,
    Nothing,
}

/// Understands one line; the error is a sentence for whoever typed it.
pub(crate) fn parse(line: &str) -> Result<Command, String> {
    let line = clean(line);
    let line = line.trim();
    if line.is_empty() {
        return Ok(Command::Nothing);
    }
    match line.strip_prefix('/') {
        None => Ok(Command::Say(line.to_owned())),
        Some(escaped) if escaped.starts_with('/') => Ok(Command::Say(escaped.to_owned())),
        Some(command) => parse_command(command),
    }
}

fn parse_command(line: &str) -> Result<Command, String> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let rest = rest.trim();
    match word.to_lowercase().as_str() {
        "nick" => name(rest, "/nick NAME").map(Command::Nick),
        "join" => name(rest, "/join ROOM").map(|room| Command::Join(room.to_lowercase())),
        "me" if rest.is_empty() => Err("say what you do: /me waves".to_owned()),
        "me" => Ok(Command::Emote(rest.to_owned())),
        "rooms" => Ok(Command::Rooms),
        "who" => Ok(Command::Who),
        "help" => Ok(Command::Help),
        "quit" => Ok(Command::Quit),
        _ => Err(format!("there is no command /{word}, try /help")),
    }
}

fn name(text: &str, usage: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    if text.is_empty() {
        return Err(format!("a name is missing: {usage}"));
    }
    if !text.starts_with(char::is_alphanumeric) || !text.chars().all(allowed) {
        return Err(
            "a name is made of letters, digits, - and _, and begins with neither of these"
                .to_owned(),
        );
    }
    if text.chars().count() > NAME_LIMIT {
        return Err(format!("a name has at most {NAME_LIMIT} characters"));
    }
    Ok(text.to_owned())
}

/// Takes out what could move the cursor, recolour or retitle another client's terminal, or
/// make its text read in another order than it was written. A tab is a space.
pub(crate) fn clean(line: &str) -> String {
    let line = line.chars().map(|c| if c == '\t' { ' ' } else { c });
    line.filter(|c| !c.is_control() && !reorders(*c)).collect()
}

/// Unicode's directional marks, embeddings, overrides and isolates, and its separators of lines.
fn reorders(c: char) -> bool {
    matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}
