//! The tools, and one call of one of them.

mod defaults;
mod dscl;
mod id;
mod launchctl;
mod pluginkit;
mod sc_auth;
mod security;
mod sudo;
mod system_profiler;

use std::path::Path;
use std::process::Command;

use crate::context::Context;
use crate::folder::Folder;
use crate::mac::Mac;
use crate::misbehaviour;
use crate::quirk::{Quirk, What};
use crate::store::Store;
use crate::{Error, Outcome, journal};

/// A tool of a Mac.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    Defaults,
    Dscl,
    Id,
    Launchctl,
    Pluginkit,
    ScAuth,
    Security,
    Sudo,
    SystemProfiler,
}

/// What a tool does: an answer, or another program in its place.
pub(crate) enum Deed {
    Answer(Outcome),
    Become { program: String, arguments: Vec<String>, context: Context },
}

impl Tool {
    pub(crate) const ALL: [Self; 9] = [
        Self::Defaults,
        Self::Dscl,
        Self::Id,
        Self::Launchctl,
        Self::Pluginkit,
        Self::ScAuth,
        Self::Security,
        Self::Sudo,
        Self::SystemProfiler,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Defaults => "defaults",
            Self::Dscl => "dscl",
            Self::Id => "id",
            Self::Launchctl => "launchctl",
            Self::Pluginkit => "pluginkit",
            Self::ScAuth => "sc_auth",
            Self::Security => "security",
            Self::Sudo => "sudo",
            Self::SystemProfiler => "system_profiler",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.name() == name)
    }

    /// The word by which quirks name what a call is for.
    fn verb(self, arguments: &[String]) -> Option<&str> {
        let word = match self {
            // dscl [options] DATASOURCE VERB
            Self::Dscl => arguments.iter().skip_while(|word| dscl::OPTIONS.contains(&word.as_str())).nth(1),
            _ => arguments.first(),
        };
        word.map(String::as_str)
    }

    /// Does what the tool does with these arguments.
    fn act(self, mac: &mut Mac, context: &Context, arguments: &[String]) -> Deed {
        match self {
            Self::Launchctl => return launchctl::run(mac, context, arguments),
            Self::Sudo => return sudo::run(mac, context, arguments),
            _ => {}
        }
        Deed::Answer(match self {
            Self::Defaults => defaults::run(mac, arguments),
            Self::Dscl => dscl::run(mac, context, arguments),
            Self::Id => id::run(mac, context, arguments),
            Self::Pluginkit => pluginkit::run(mac, arguments),
            Self::ScAuth => sc_auth::run(mac, context, arguments),
            Self::Security => security::run(mac, context, arguments),
            Self::Launchctl | Self::Sudo | Self::SystemProfiler => system_profiler::run(mac, arguments),
        })
    }
}

/// One call of a tool: written down, counted, misbehaved as the state says, done.
pub(crate) fn call(called_as: &Path, tool: Tool, arguments: &[String]) -> Result<Outcome, Error> {
    let folder = Folder::of_call(called_as)?;
    let mut store = Store::open(&folder.state()?)?;
    let context = Context::of_process(&store.mac);
    journal::note(&folder, tool, arguments, &context)?;
    let what = quirk_of(&mut store.mac, tool, tool.verb(arguments))?;
    store.save()?;
    if let Some(early) = what.as_ref().and_then(|what| misbehaviour::instead(what, &store.mac, arguments)) {
        drop(store);
        return Ok(misbehaviour::perform(early));
    }
    let deed = if what == Some(What::Lie) {
        tool.act(&mut store.mac.clone(), &context, arguments)
    } else {
        let deed = tool.act(&mut store.mac, &context, arguments);
        store.save()?;
        deed
    };
    // The next tool, or another one, wants the state.
    drop(store);
    match deed {
        Deed::Answer(outcome) => Ok(misbehaviour::afterwards(what, outcome)),
        Deed::Become { program, arguments, context } => become_program(&folder, &program, &arguments, &context),
    }
}

/// The first quirk that takes this call; all count it.
fn quirk_of(mac: &mut Mac, tool: Tool, verb: Option<&str>) -> Result<Option<What>, Error> {
    let mut found = None;
    for state in &mut mac.quirks {
        let quirk: Quirk = state.quirk.parse()?;
        if quirk.takes(tool, verb, &mut state.seen) && found.is_none() {
            found = Some(quirk.what);
        }
    }
    Ok(found)
}

/// Replaces this process, so that its caller stays the caller. Only stand-ins are ever started.
fn become_program(folder: &Folder, program: &str, arguments: &[String], context: &Context) -> Result<Outcome, Error> {
    use std::os::unix::process::CommandExt as _;
    let Some(path) = folder.stand_in(program) else {
        return Ok(Outcome::fails(127, format!("{program}: command not found\n")));
    };
    let mut command = Command::new(&path);
    command.args(arguments);
    context.hand_on(&mut command);
    Err(Error::io(path)(command.exec()))
}
