//! The web page in a real browser.

mod actions;
mod browser;
mod driver;
mod hostile;
mod house;
mod lists;
mod sign_in;
mod sound;
