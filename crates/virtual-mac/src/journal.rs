//! The calls of tools, one JSON object a line: arguments as they were, so that a test sees order, shells and secrets.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::process::parent_id;

use serde_json::json;

use crate::Error;
use crate::context::Context;
use crate::folder::Folder;
use crate::tool::Tool;

/// Writes down a call, before anything comes of it.
pub(crate) fn note(folder: &Folder, tool: Tool, arguments: &[String], context: &Context) -> Result<(), Error> {
    let environment: Vec<String> = std::env::vars_os()
        .map(|(name, value)| format!("{}={}", name.to_string_lossy(), value.to_string_lossy()))
        .collect();
    let parent = std::fs::read_to_string(format!("/proc/{}/comm", parent_id())).ok();
    let line = json!({
        "tool": tool.name(),
        "arguments": arguments,
        "user": context.user,
        "session": context.session,
        "process": std::process::id(),
        "parent": parent.as_deref().map(str::trim_end),
        "environment": environment,
    });
    let path = folder.calls();
    let mut file = OpenOptions::new().create(true).append(true).open(&path).map_err(Error::io(&path))?;
    // One write, so that lines of several tools do not mix.
    file.write_all(format!("{line}\n").as_bytes()).map_err(Error::io(&path))
}
