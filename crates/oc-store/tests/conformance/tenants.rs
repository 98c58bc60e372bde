//! Organizations, users, and their secrets over time.

use std::time::Duration;

use oc_store::{AddedUser, By, NewUser, OrganizationId, Removal};
use secrecy::SecretString;

use crate::house::{House, MINUTE, s};

fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

impl House {
    async fn add(&self, name: &str, organization: &str) -> AddedUser {
        let new = NewUser {
            organization: organization.to_owned(),
            email: format!("{name}@example.com"),
            first_name: name.to_owned(),
            last_name: "Of Many".to_owned(),
            secret: secret(name),
            organization_secret: secret(&format!("org of {name}")),
        };
        self.store.add_user(new, By::operator(), s(2_000)).await.expect("a user")
    }

    async fn user_at(&self, text: &str, at: i64) -> Option<i64> {
        self.store.user_with(&secret(text), s(at)).await.expect("an answer").map(|user| user.id)
    }

    async fn organization_at(&self, text: &str, at: i64) -> Option<OrganizationId> {
        self.store.organization_with(&secret(text), s(at)).await.expect("an answer")
    }
}

#[tokio::test]
async fn a_new_organization_is_made_once_and_takes_more_users() {
    let house = House::new().await;
    let (one, two) = (house.add("one", "Acme").await, house.add("two", "Acme").await);
    assert_eq!((one.organization_is_new, two.organization_is_new), (true, false));
    assert_eq!(one.organization, two.organization);
    assert_eq!(house.organization_at("org of one", 2_000).await, Some(one.organization.id));
    assert_eq!(house.organization_at("org of two", 2_000).await, None);
    let listed = house.store.users(s(2_000)).await.unwrap();
    let shown: Vec<_> =
        listed.iter().map(|one| (one.user.id, one.organization.name.as_str())).collect();
    assert_eq!(shown, [(1, "First organization"), (2, "Acme"), (3, "Acme")]);
}

#[tokio::test]
async fn a_rotated_secret_is_good_until_its_overlap_ends() {
    let house = House::new().await;
    let id = house.add("old", "Acme").await.user.id;
    let rotate = |new: &str, overlap: Duration, at: i64| {
        let (store, new) = (house.store.clone(), secret(new));
        async move { store.rotate_user(id, &new, overlap, By::operator(), s(at)).await.unwrap() }
    };
    assert!(rotate("new", MINUTE, 3_000).await);
    for (text, at, expected) in
        [("new", 3_000, Some(id)), ("old", 3_059, Some(id)), ("old", 3_060, None)]
    {
        assert_eq!(house.user_at(text, at).await, expected, "{text} at {at}");
    }
    let ends = house.store.users(s(3_000)).await.unwrap()[1].former_secret_ends;
    assert_eq!(ends, Some(s(3_060)));
    // Another rotation does not lengthen what is about to end.
    assert!(rotate("newer", MINUTE * 60, 3_030).await);
    assert_eq!(house.user_at("old", 3_060).await, None);
    assert_eq!(house.user_at("new", 3_061).await, Some(id));
    assert!(rotate("newest", Duration::ZERO, 3_062).await);
    for text in ["old", "new", "newer"] {
        assert_eq!(house.user_at(text, 3_062).await, None, "{text}");
    }
    assert_eq!(house.user_at("newest", 99_999).await, Some(id));
}

#[tokio::test]
async fn an_organizations_secret_rotates_alike_and_ended_ones_are_swept_away() {
    let house = House::new().await;
    let id = house.add("one", "Acme").await.organization.id;
    let new = secret("new");
    let rotated = house.store.rotate_organization(id, &new, MINUTE, By::operator(), s(3_000));
    assert!(rotated.await.unwrap());
    assert_eq!(house.organization_at("org of one", 3_059).await, Some(id));
    house.store.sweep(s(3_060), MINUTE).await.unwrap();
    assert_eq!(house.organization_at("org of one", 3_059).await, None, "it is still there");
    assert_eq!(house.organization_at("new", 3_060).await, Some(id));
}

#[tokio::test]
async fn a_removed_user_is_refused_at_once_and_the_last_one_takes_the_organization_along() {
    let house = House::new().await;
    let (one, two) = (house.add("one", "Acme").await, house.add("two", "Acme").await);
    let remove = |id: i64| house.store.remove_user(id, false, By::operator(), s(3_000));
    let stays = Removal::Done { organization_too: false, instances: 0 };
    assert_eq!(remove(one.user.id).await.unwrap(), stays);
    assert_eq!(house.user_at("one", 3_000).await, None);
    assert_eq!(house.organization_at("org of one", 3_000).await, Some(one.organization.id));
    assert_eq!(remove(one.user.id).await.unwrap(), Removal::Missing);
    let goes = Removal::Done { organization_too: true, instances: 0 };
    assert_eq!(remove(two.user.id).await.unwrap(), goes);
    assert_eq!(house.organization_at("org of one", 3_000).await, None);
    // A new organization of that name has nothing to do with it.
    let again = house.add("three", "Acme").await;
    assert!(again.organization_is_new && again.organization.id != one.organization.id);
    assert_eq!(house.store.user(one.user.id).await.unwrap().unwrap().first_name, "one");
}

#[tokio::test]
async fn the_last_user_of_instances_goes_only_by_force_and_takes_them_along() {
    let house = House::new().await;
    let id = house.instance("token").await;
    let remove = |force| house.store.remove_user(1, force, By::operator(), s(3_000));
    assert_eq!(remove(false).await.unwrap(), Removal::LastUser { instances: 1 });
    assert_eq!(house.user_at("user-s3cret", 3_000).await, Some(1));
    let done = Removal::Done { organization_too: true, instances: 1 };
    assert_eq!(remove(true).await.unwrap(), done);
    assert!(house.store.instance(id).await.unwrap().is_none());
    // The settings do not bring the first user back.
    let given = secret("given");
    let generated = (&secret("a"), &secret("b"));
    let made = house.store.ensure_first_user(Some(&given), Some(&given), generated).await;
    assert!(!made.unwrap());
    assert_eq!(house.user_at("given", 3_000).await, None);
    assert_eq!(house.organization_at("given", 3_000).await, None);
}

#[tokio::test]
async fn the_same_secret_for_two_users_is_refused() {
    let house = House::new().await;
    let id = house.add("one", "Acme").await.user.id;
    let taken = secret("user-s3cret");
    let rotated = house.store.rotate_user(id, &taken, MINUTE, By::operator(), s(3_000)).await;
    assert!(rotated.unwrap_err().to_string().contains("another user has this secret"));
    assert_eq!(house.user_at("one", 99_999).await, Some(id), "nothing of it was done");
}
