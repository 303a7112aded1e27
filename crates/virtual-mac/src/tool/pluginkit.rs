//! pluginkit(8): `pluginkit -m -p com.apple.ctk-tokens`, the token drivers.

use crate::Outcome;
use crate::mac::Mac;

pub(super) fn run(mac: &Mac, arguments: &[String]) -> Outcome {
    let wanted = ["-m", "-p", "com.apple.ctk-tokens"];
    if !wanted.iter().all(|word| arguments.iter().any(|one| one == word)) {
        return Outcome::says("");
    }
    let own = ["com.apple.CryptoTokenKit.pivtoken(1.0)", "com.apple.PlatformSSOToken(1.0)"].map(str::to_owned);
    let others = mac.token_drivers.iter().map(|driver| format!("{driver}(1.0)"));
    Outcome::says(own.into_iter().chain(others).map(|driver| format!("     {driver}\n")).collect::<String>())
}
