//! Servers of two versions on one PostgreSQL, as while they are replaced one by one: an older one goes
//! on beside a step of the schema that it can live with, and stops at one that it cannot.

use oc_tests::{Options, Postgres, Receiver, Salesloft, Server};
use serde_json::json;

use crate::story::{check_story, until_told};

/// What a newer version does to the schema: one transaction, in which nobody else writes.
struct Step {
    number: i64,
    works_with: i64,
    text: &'static str,
}

impl Step {
    /// Carries it out; tells what `seen` finds in the same transaction.
    async fn take(&self, postgres: &Postgres, url: &str, seen: &str) -> anyhow::Result<String> {
        let Self { number, works_with, text } = self;
        let step = format!(
            "DO $$ BEGIN PERFORM pg_advisory_xact_lock(28515, -1); END $$; {text};
             DELETE FROM schema_version;
             INSERT INTO schema_version (step, works_with) VALUES ({number}, {works_with}); {seen}"
        );
        postgres.query(url, &step).await
    }
}

/// Everything that a server could change, as one text.
const ALL: &str = "SELECT md5(string_agg(rows, '')) FROM (
  SELECT CAST(t AS TEXT) AS rows FROM resource t UNION ALL SELECT CAST(t AS TEXT) FROM notification t
  UNION ALL SELECT CAST(t AS TEXT) FROM attempt t UNION ALL SELECT CAST(t AS TEXT) FROM claim t
  UNION ALL SELECT CAST(t AS TEXT) FROM node t UNION ALL SELECT CAST(t AS TEXT) FROM fingerprint t
  UNION ALL SELECT CAST(t AS TEXT) FROM instance t UNION ALL SELECT CAST(t AS TEXT) FROM token_pair t
  UNION ALL SELECT CAST(t AS TEXT) FROM budget t ORDER BY 1) AS everything";

struct House {
    salesloft: Salesloft,
    receiver: Receiver,
}

impl House {
    fn change(&self) {
        self.salesloft.change(|world, now| {
            for _ in 0..20 {
                world.add_person(now);
            }
            let ids = world.ids("people");
            ids.into_iter().step_by(3).for_each(|id| world.touch_person(id, now + 1));
        });
    }

    async fn changes_are_told(&self) -> anyhow::Result<()> {
        self.change();
        until_told(&self.receiver, &self.salesloft, 0).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_server_goes_on_beside_steps_that_it_can_live_with_and_stops_at_others()
-> anyhow::Result<()> {
    let postgres = Postgres::shared().await?;
    let url = postgres.database().await?;
    let options = Options::default().on_postgres(&url);
    let (salesloft, receiver, one) = Server::house(options.clone()).await?;
    let other = Server::start(&salesloft, options).await?;
    one.create(&salesloft, &receiver.url("hook"), &json!({})).await?;
    let (house, mut servers) = (House { salesloft, receiver }, [one, other]);
    house.changes_are_told().await?;
    let version = "SELECT step, works_with FROM schema_version";
    let version = postgres.query(&url, version).await?;
    let (known, works_with) = version.split_once('|').expect("two numbers");
    let (known, works_with): (i64, i64) = (known.parse()?, works_with.parse()?);
    assert!(works_with <= known);

    // In the middle of changes: what the older servers do not know has a default, or is NULL.
    house.change();
    let text = "ALTER TABLE notification ADD COLUMN later_word TEXT;
        ALTER TABLE attempt ADD COLUMN later_count BIGINT NOT NULL DEFAULT 0;
        ALTER TABLE resource ADD COLUMN later_due BIGINT;
        CREATE INDEX later_of ON resource (later_due);
        CREATE TABLE later (id BIGINT PRIMARY KEY)";
    Step { number: known + 1, works_with: known, text }.take(&postgres, &url, "").await?;
    until_told(&house.receiver, &house.salesloft, 0).await?;
    house.changes_are_told().await?;
    // One that is started again, as it may be before it is replaced, goes on too.
    servers[0].kill().await?;
    servers[0].start_again().await?;
    assert_eq!(servers[1].terminate().await?, Some(0));
    house.changes_are_told().await?;
    servers[1].start_again().await?;
    let schema = servers[1].run(&["migrate", "--check", "--json"]).await?.json()?;
    assert_eq!((&schema[0]["from"], &schema[0]["to"]), (&json!(known + 1), &json!(known)));

    house.change();
    let text = "ALTER TABLE resource RENAME COLUMN cursor TO read_through";
    let step = Step { number: known + 2, works_with: known + 2, text };
    let then = step.take(&postgres, &url, ALL).await?;
    for server in &mut servers {
        assert_eq!(server.ended().await?, Some(1));
        let log = server.log();
        let word = format!("the database has schema {}, this program knows {known}", known + 2);
        assert!(log.contains(&word) && log.contains("use the newer program"), "{log}");
    }
    assert_eq!(postgres.query(&url, ALL).await?, then, "an older server has written");
    let Err(refused) = servers[0].start_again().await else {
        anyhow::bail!("an older server has started")
    };
    assert!(format!("{refused:#}").contains("use the newer program"), "{refused:#}");
    assert_eq!(postgres.query(&url, ALL).await?, then, "an older server has written");

    // Nothing was lost: the step taken back, they go on where they were.
    let text = "ALTER TABLE resource RENAME COLUMN read_through TO cursor";
    Step { number: known + 3, works_with: known, text }.take(&postgres, &url, "").await?;
    servers[0].start_again().await?;
    until_told(&house.receiver, &house.salesloft, 0).await?;
    check_story(&house.receiver, &house.salesloft)
}
