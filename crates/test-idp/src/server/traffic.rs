//! How full the server is, and what that means to a connection: when all places are taken, it gives its own to those who
//! wait.

use std::time::Duration;

use tokio::sync::watch::Receiver;

/// Told by the server to all its connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Traffic {
    /// There are places left.
    Free,
    /// All places are taken.
    Crowded,
    /// The server ends.
    Ending,
}

/// Waits until a connection that has just begun shall end after the answer that is under way, or at once when none is: the
/// server ends, or the connection had its time and others wait.
pub(super) async fn wanted_back(traffic: Receiver<Traffic>) {
    let (mut crowded, mut ending) = (traffic.clone(), traffic);
    let crowded = async {
        tokio::time::sleep(FAIR_SHARE).await;
        crowded.wait_for(|traffic| *traffic != Traffic::Free).await.map(drop)
    };
    // A server that is gone without a word has ended.
    let _ = tokio::select! {
        told = crowded => told,
        told = ending.wait_for(|traffic| *traffic == Traffic::Ending) => told.map(drop),
    };
}

/// How long a connection may stay also when others wait.
const FAIR_SHARE: Duration = Duration::from_secs(2);
