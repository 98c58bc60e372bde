//! The web page in a real browser.

mod actions;
mod activity;
mod browser;
mod create;
mod driver;
mod edit;
mod hostile;
mod house;
mod instance;
mod keyboard;
mod lists;
mod pages;
mod paint;
mod pictures;
mod receivers;
mod sign_in;
mod sound;
mod tasks;
