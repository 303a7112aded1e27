mod answers;
mod key_service;
mod login;
mod password;
mod published;
mod world;
