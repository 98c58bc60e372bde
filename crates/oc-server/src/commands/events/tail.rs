//! `events tail`: shows what is new, second by second.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use clap::Args;
use serde_json::Value as Json;

use super::{path, show};
use crate::own_api::OwnApi;

const EVERY: Duration = Duration::from_secs(1);
/// Events of a look; when one is new, further ones are looked at.
const PAGE: &str = "20";
/// How many of those that were seen are remembered. A new one may stand behind some of them: the
/// parts of a large poll are seen all at once, though others have told something meanwhile.
const REMEMBERED: usize = 500;

#[derive(Args)]
pub(super) struct Options {
    /// Only this instance's
    #[arg(long, value_name = "NUMBER")]
    instance: Option<i64>,
    /// Only those of a resource
    #[arg(long, value_name = "NAME")]
    object_type: Option<String>,
    /// Begin with so many that are there already
    #[arg(long, default_value_t = 10, value_name = "NUMBER")]
    last: usize,
}

impl Options {
    pub(super) async fn run(&self, api: &OwnApi, json: bool) -> anyhow::Result<()> {
        let mut followed = Followed::default();
        let mut first = self.news(api, &mut followed, REMEMBERED).await?;
        first.drain(..first.len().saturating_sub(self.last));
        first.iter().try_for_each(|event| show(event, json))?;
        followed.forget();
        loop {
            tokio::select! {
                stopped = tokio::signal::ctrl_c() => return Ok(stopped?),
                () = tokio::time::sleep(EVERY) => {}
            }
            let news = self.news(api, &mut followed, usize::MAX).await?;
            news.iter().try_for_each(|event| show(event, json))?;
            followed.forget();
        }
    }

    /// What was not seen before, the oldest first; more than `enough` is not looked for.
    async fn news(
        &self,
        api: &OwnApi,
        followed: &mut Followed,
        enough: usize,
    ) -> anyhow::Result<Vec<Json>> {
        let path = path(self.instance);
        let (mut news, mut next_page) = (Vec::new(), None::<String>);
        loop {
            let mut query = vec![("pageSize", PAGE)];
            query.extend(self.object_type.as_deref().map(|name| ("objectType", name)));
            query.extend(next_page.as_deref().map(|token| ("nextPage", token)));
            let mut answer = api.get(&path, &query).await?;
            let events = answer.body.as_array_mut().map(std::mem::take).unwrap_or_default();
            let more = followed.sift(events, &mut news);
            next_page = answer.next_page.filter(|_| more && news.len() < enough);
            if next_page.is_none() {
                break;
            }
        }
        news.reverse();
        followed.seen.extend(news.iter().map(id_of));
        Ok(news)
    }
}

/// What was seen, the oldest first.
#[derive(Default)]
struct Followed {
    seen: VecDeque<String>,
}

impl Followed {
    /// Adds what of a page, newest first, was not seen yet; tells whether there may be more behind
    /// it.
    fn sift(&self, page: Vec<Json>, news: &mut Vec<Json>) -> bool {
        let known: HashSet<&String> = self.seen.iter().collect();
        let before = news.len();
        for event in page {
            let id = id_of(&event);
            if !known.contains(&id) {
                news.push(event);
            } else if self.seen.front() == Some(&id) {
                return false;
            }
        }
        news.len() > before
    }

    fn forget(&mut self) {
        self.seen.drain(..self.seen.len().saturating_sub(REMEMBERED));
    }
}

fn id_of(event: &Json) -> String {
    event["id"].as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn page(ids: &[&str]) -> Vec<Json> {
        ids.iter().map(|id| json!({"id": id})).collect()
    }

    fn news(followed: &Followed, ids: &[&str]) -> (Vec<String>, bool) {
        let mut news = Vec::new();
        let more = followed.sift(page(ids), &mut news);
        (news.iter().map(id_of).collect(), more)
    }

    #[test]
    fn what_is_new_is_found_also_behind_what_was_seen_and_never_before_the_beginning() {
        let followed = Followed { seen: ["a", "b", "c"].map(str::to_owned).into() };
        assert_eq!(news(&followed, &["c", "b"]), (vec![], false));
        let behind = (vec!["e".to_owned(), "d".to_owned()], true);
        assert_eq!(news(&followed, &["e", "c", "d"]), behind);
        assert_eq!(news(&followed, &["c", "b", "a", "z"]), (vec![], false));
    }
}
