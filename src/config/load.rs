//! From a path to settings: the only place where the configuration file is read.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use figment::value::{Dict, Map};
use figment::{Error, Figment, Metadata, Profile, Provider};
use sha2::{Digest, Sha256};

use super::check::Checker;
use super::environment::{Defaults, Environment};
use super::report::{ConfigReport, Finding};
use super::schema::ROOT;
use super::settings::{self, Settings};
use super::sources::{Place, Sources};
use super::{document, dotenv, overrides};

/// No configuration is this large; what is, is something else.
pub(super) const MAXIMUM_BYTES: u64 = 1024 * 1024;

/// A configuration that can be used.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What was configured.
    pub settings: Settings,
    /// What should be looked at, in the order of the file.
    pub warnings: Vec<Finding>,
}

impl Loaded {
    /// [`Settings::digest`]: to see whether loading again brought anything new.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.settings.digest
    }
}

/// Reads the configuration at `path`: defaults, below the file, below `ENACT_FACTORY_<SECTION>__<KEY>` variables.
/// Variables are those of `environment` and, where it has none of the name, of the `.env` beside the file.
///
/// To reload, load again: on an error the caller keeps what it has.
///
/// # Errors
/// A [`ConfigReport`] with every mistake.
pub fn load(
    path: &Path,
    environment: &dyn Environment,
    defaults: &Defaults,
) -> Result<Loaded, ConfigReport> {
    let mut sources = Sources::new(Some(path.display().to_string()));
    let absolute: PathBuf = defaults.cwd.join(path).components().collect();
    let base = absolute.parent().unwrap_or(&defaults.cwd).to_owned();
    let mut variables = environment.variables();
    dotenv::add(&base.join(".env"), &mut variables, &mut sources);
    let text = match read_bounded(&absolute) {
        Ok(text) => text,
        Err(message) => {
            let hint = Some("`enact-factory init` writes one to begin with".to_owned())
                .filter(|_| !absolute.exists());
            sources.problem_at(&Place::Nowhere, "", &message, hint);
            return Err(sources.into_report());
        }
    };
    let mut loaded = interpret(&text, &base, &variables, defaults, sources)?;
    loaded.settings.source = Some(absolute);
    Ok(loaded)
}

impl Settings {
    /// What holds without a configuration file. `ENACT_FACTORY_<SECTION>__<KEY>` variables count here too; relative
    /// paths in them start at the working directory.
    ///
    /// # Errors
    /// A [`ConfigReport`] when those variables are wrong, or a default needs a home directory and there is none.
    pub fn defaults(
        environment: &dyn Environment,
        defaults: &Defaults,
    ) -> Result<Loaded, ConfigReport> {
        let sources = Sources::new(None);
        interpret("", &defaults.cwd, &environment.variables(), defaults, sources)
    }
}

/// Everything after the reading: a function of its arguments, apart from looking whether directories are there.
fn interpret(
    text: &str,
    base: &Path,
    variables: &BTreeMap<String, String>,
    defaults: &Defaults,
    mut sources: Sources,
) -> Result<Loaded, ConfigReport> {
    let mut secrets = Vec::new();
    let file = document::read(text, ROOT, variables, &mut sources, &mut secrets);
    let above = overrides::read(variables, ROOT, &mut sources);
    let values = match layered(file, above) {
        Ok(values) => values,
        Err(error) => {
            sources.problem_at(&Place::Nowhere, "", &error, None);
            Dict::new()
        }
    };
    let home = defaults.home.as_deref();
    let mut checker = Checker { sources: &mut sources, variables, base, home };
    let root = checker.table(Some(&values), ROOT, "");
    let mut settings = settings::assemble(&root, variables, secrets, &mut sources);
    settings.digest = digest(&settings, &values);
    let warnings = sources.verdict()?;
    Ok(Loaded { settings, warnings })
}

/// One layer for figment.
struct Layer {
    name: &'static str,
    values: Dict,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}

/// The file with the overrides on top. Defaults come in while checking, where lists of tables are known.
fn layered(file: Dict, overrides: Dict) -> Result<Dict, String> {
    let figment = Figment::new()
        .merge(Layer { name: "configuration file", values: file })
        .merge(Layer { name: "environment", values: overrides });
    let mut data = figment.data().map_err(|error| error.to_string())?;
    Ok(data.remove(&Profile::Default).unwrap_or_default())
}

/// A fingerprint of the values as given, the variables passed to agents, and what came of them.
fn digest(settings: &Settings, values: &Dict) -> String {
    use secrecy::ExposeSecret;
    let mut hasher = Sha256::new();
    hasher.update(format!("{settings:?}"));
    hasher.update(format!("{values:?}"));
    for agent in settings.agents.values() {
        for (name, value) in &agent.env {
            hasher.update(format!("{name}={}\n", value.expose_secret()));
        }
        let key = agent.responses.key.as_ref().map(ExposeSecret::expose_secret);
        hasher.update(key.unwrap_or_default());
    }
    if let Some(azdo) = &settings.azdo {
        hasher.update(azdo.token.expose_secret());
        hasher.update(azdo.signing_secret.as_ref().map_or("", ExposeSecret::expose_secret));
    }
    if let Some(http) = &settings.http {
        hasher.update(http.github_secret.as_ref().map_or("", ExposeSecret::expose_secret));
        let password = http.azdo_login.as_ref().map(|(_, password)| password.expose_secret());
        hasher.update(password.unwrap_or_default());
    }
    hex::encode(hasher.finalize())
}

fn read_bounded(path: &Path) -> Result<String, String> {
    let cannot = |error: std::io::Error| format!("cannot be read: {error}");
    let file = std::fs::File::open(path).map_err(cannot)?;
    let mut bytes = Vec::new();
    file.take(MAXIMUM_BYTES + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() as u64 > MAXIMUM_BYTES {
        return Err(format!("larger than {MAXIMUM_BYTES} bytes"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count();
        format!("not UTF-8 in line {}", line + 1)
    })
}
