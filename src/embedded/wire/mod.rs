//! What the three servers share because their peers share it: the forms that travel, and their rules.

pub mod regex;
