//! The real parts that the function is tested against, and the harness that runs them.
//!
//! ```text
//! Stack ─┬─ control_plane   etcd, kube-apiserver, controllers, scheduler; KWOK plays the kubelets
//!        ├─ emulators       moto (EC2, Auto Scaling), ministack (IAM, EKS, Lambda, EventBridge, SQS, Logs)
//!        ├─ proxy           Toxiproxy between the function and all of them
//!        ├─ cloud           what AWS does between its services: a launched instance joins as a Node
//!        └─ function        the release binary, deployed by cargo-lambda, called by EventBridge
//!
//! suite ──► lab               one scenario's part of the stack: namespace, group, nodes, pods
//! ```

pub mod account;
pub mod audit;
pub mod cli;
pub mod clock;
pub mod cloud;
pub mod control_plane;
pub mod emulators;
pub mod function;
pub mod inventory;
pub mod job;
pub mod karpenter;
pub mod lab;
pub mod notice;
pub mod process;
pub mod proxy;
pub mod stack;
pub mod suite;
pub mod tools;
pub mod workload;
