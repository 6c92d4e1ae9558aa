//! Surfaces, by the built program.

mod cli_config;
mod cli_control;
mod cli_doctor;
mod cli_exec;
mod cli_offline;
mod cli_receipts;
mod demo;
mod discord;
mod factory;
