//! Tools of Anthropic's own that the client runs, told to the other models: the forms of their input are
//! known, so a client that knows how to run them can do so for any model.

use serde_json::{Value, json};

use crate::canonical::Tool;
use crate::client::path::Members;
use crate::error::BadRequest;

/// The function that a tool of Anthropic's is; `None` for those that the provider runs.
pub(super) fn tool(kind: &str, mut members: Members<'_>) -> Result<Option<Tool>, BadRequest> {
    let size = ["display_width_px", "display_height_px"].map(|name| members.value(name));
    let Some((description, parameters)) = form(kind, size) else { return Ok(None) };
    Ok(Some(Tool {
        name: members.required_string("name")?,
        description: Some(description),
        parameters: Some(parameters),
        strict: None,
        cache_control: members.value("cache_control"),
    }))
}

/// What such a tool does and what it takes.
fn form(kind: &str, size: [Option<Value>; 2]) -> Option<(String, Value)> {
    let family = kind.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('_');
    match family {
        "bash" => Some(("Runs a command in a bash session that lasts.".to_owned(), bash())),
        "text_editor" => Some(("Views, creates and edits text files.".to_owned(), text_editor(kind))),
        "memory" => {
            let does = "Keeps notes in files below /memories, which last beyond this conversation.";
            Some((does.to_owned(), memory()))
        }
        "computer" => {
            let [width, height] = size.map(|pixels| pixels.and_then(|pixels| pixels.as_u64()).unwrap_or(0));
            let does =
                "Uses a computer by its screen, mouse and keyboard. Take a screenshot to see the screen";
            Some((format!("{does}, which has {width} x {height} pixels."), computer()))
        }
        _ => None,
    }
}

fn bash() -> Value {
    json!({"type": "object", "properties": {
        "command": {"type": "string", "description": "The command. Needed unless the session is restarted."},
        "restart": {"type": "boolean", "description": "Restarts the session instead of running a command."}
    }})
}

fn text_editor(kind: &str) -> Value {
    let mut commands = vec!["view", "create", "str_replace", "insert"];
    if kind.contains("2024") || kind == "text_editor_20250124" {
        commands.push("undo_edit");
    }
    let mut schema = files(&commands);
    schema["properties"]["path"]["description"] = json!("Absolute path of a file or folder.");
    schema["required"] = json!(["command", "path"]);
    schema
}

fn memory() -> Value {
    let mut schema = files(&["view", "create", "str_replace", "insert", "delete", "rename"]);
    let path = |what: &str| json!({"type": "string", "description": what});
    schema["properties"]["old_path"] = path("For `rename`: the path as it is.");
    schema["properties"]["new_path"] = path("For `rename`: the path as it shall be.");
    schema["required"] = json!(["command"]);
    schema
}

/// What the tools that work on files have in common.
fn files(commands: &[&str]) -> Value {
    json!({"type": "object", "properties": {
        "command": {"type": "string", "enum": commands},
        "path": {"type": "string", "description": "Path of a file or folder."},
        "file_text": {"type": "string", "description": "For `create`: what the file shall hold."},
        "old_str": {"type": "string", "description": "For `str_replace`: the text to replace, which occurs once."},
        "new_str": {"type": "string", "description": "For `str_replace`: the text in its place."},
        "insert_line": {"type": "integer", "description": "For `insert`: the line after which the text goes, 0 for the top."},
        "insert_text": {"type": "string", "description": "For `insert`: the text."},
        "view_range": {
            "type": "array", "items": {"type": "integer"},
            "description": "For `view` of a file: first and last line, counted from 1; -1 = to the end."
        }
    }})
}

fn computer() -> Value {
    let actions = [
        "key",
        "type",
        "mouse_move",
        "left_click",
        "left_click_drag",
        "right_click",
        "middle_click",
        "double_click",
        "triple_click",
        "left_mouse_down",
        "left_mouse_up",
        "scroll",
        "hold_key",
        "wait",
        "screenshot",
        "cursor_position",
    ];
    let place = |what: &str| json!({"type": "array", "items": {"type": "integer"}, "description": what});
    json!({"type": "object", "required": ["action"], "properties": {
        "action": {"type": "string", "enum": actions},
        "coordinate": place("Where, as [x, y] in pixels from the upper left."),
        "start_coordinate": place("For `left_click_drag`: where the drag begins."),
        "text": {"type": "string", "description": "What to type, or the keys, such as `ctrl+s`."},
        "scroll_direction": {"type": "string", "enum": ["up", "down", "left", "right"]},
        "scroll_amount": {"type": "integer", "description": "Clicks of the wheel."},
        "duration": {"type": "number", "description": "For `hold_key` and `wait`: seconds."}
    }})
}
