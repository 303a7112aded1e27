//! Scenarios: what pivkit promises, through its binaries, with real readers, accounts, HTTP and other people's tools.
//!
//! `bench` is what they stand on. Run them with scripts/test, or after `cargo build --workspace --bins` with
//! `cargo test -p cli --test scenarios`.
#![forbid(unsafe_code)]
// A scenario that cannot go on fails, and says where.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod ansible;
mod architecture;
mod bad_identity_provider;
mod bad_input;
mod bench;
mod benchmark;
mod bulk_apply;
mod bulk_apply_ends;
mod bulk_benchmark;
mod bulk_plan;
mod busy_card;
mod card_admin;
mod card_info;
mod card_pin;
mod card_sign;
mod command_count;
mod doctor;
mod documented;
mod documented_card;
mod documented_mac;
mod fault_matrix;
mod fleet_scripts;
mod foreign_card;
mod foreign_card_owner;
mod foreign_clients;
mod hardware;
mod icam;
mod id_token_algorithm;
mod identities;
mod idp_demo;
mod idp_page;
mod independent_client;
mod independent_commands;
mod independent_provider;
mod keyboard;
mod login_benchmark;
mod mac_at_login;
mod mac_bulk;
mod mac_failures;
mod mac_identities;
mod mac_lock_out;
mod mac_lock_out_mapping;
mod mac_mapping;
mod mac_pair;
mod mac_replace;
mod opensc;
mod pam;
mod pam_pkcs11;
mod provision;
mod provision_choices;
mod provision_cut_off;
mod psso;
mod psso_methods;
mod psso_seal;
mod psso_state;
mod psso_verify;
mod pulled_card;
mod refusals_client;
mod refusals_provider;
mod secrets;
mod several_cards;
mod sssd;
mod station;
mod touch;
mod ykman;
mod yubico_piv_tool;
