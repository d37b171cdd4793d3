//! The system calls that a watch never makes, by seccomp.
//!
//! It is a list of those and not of the others: which calls a C library or an allocator makes changes with its version, while that a
//! watch starts no program and loads no module does not. They fail as for anybody who may not make them (`EPERM`).

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, apply_filter_all_threads,
};

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// By what they are for.
#[rustfmt::skip]
const NEVER: [&[i64]; 6] = [
    // Other programs, and the memory of those that run.
    &[libc::SYS_execve, libc::SYS_execveat, libc::SYS_ptrace, libc::SYS_process_vm_readv, libc::SYS_process_vm_writev,
      libc::SYS_process_madvise, libc::SYS_kcmp, libc::SYS_pidfd_getfd, libc::SYS_personality],
    // Another view of the machine.
    &[libc::SYS_mount, libc::SYS_umount2, libc::SYS_pivot_root, libc::SYS_chroot, libc::SYS_move_mount, libc::SYS_open_tree,
      libc::SYS_fsopen, libc::SYS_fsconfig, libc::SYS_fsmount, libc::SYS_fspick, libc::SYS_mount_setattr, libc::SYS_setns,
      libc::SYS_unshare],
    // Code in the kernel, and what lets one look into it.
    &[libc::SYS_kexec_load, libc::SYS_init_module, libc::SYS_finit_module, libc::SYS_delete_module, libc::SYS_bpf,
      libc::SYS_perf_event_open, libc::SYS_userfaultfd, libc::SYS_syslog, libc::SYS_lookup_dcookie],
    // Keys.
    &[libc::SYS_add_key, libc::SYS_request_key, libc::SYS_keyctl],
    // Ways around the other rules: calls by a queue, files by a number.
    &[libc::SYS_io_uring_setup, libc::SYS_io_uring_enter, libc::SYS_io_uring_register, libc::SYS_name_to_handle_at,
      libc::SYS_open_by_handle_at, libc::SYS_fanotify_init, libc::SYS_mknodat],
    // The machine itself.
    &[libc::SYS_reboot, libc::SYS_swapon, libc::SYS_swapoff, libc::SYS_acct, libc::SYS_settimeofday, libc::SYS_clock_settime,
      libc::SYS_clock_adjtime, libc::SYS_adjtimex, libc::SYS_sethostname, libc::SYS_setdomainname, libc::SYS_quotactl,
      libc::SYS_vhangup],
];

#[cfg(target_arch = "x86_64")]
const NEVER_HERE: [i64; 5] =
    [libc::SYS_kexec_file_load, libc::SYS_iopl, libc::SYS_ioperm, libc::SYS_modify_ldt, libc::SYS_mknod];
#[cfg(not(target_arch = "x86_64"))]
const NEVER_HERE: [i64; 0] = [];

/// The namespaces that `clone` makes.
const NAMESPACES: [libc::c_int; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];

/// Makes those calls fail, in all threads; whether the kernel does.
pub fn restrict() -> bool {
    programs().is_some_and(|programs| programs.iter().all(|program| apply_filter_all_threads(program).is_ok()))
}

fn programs() -> Option<[BpfProgram; 2]> {
    // The C library then starts threads by `clone`, whose flags can be looked at.
    let hidden = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    Some([program(never()?, libc::EPERM)?, program(hidden, libc::ENOSYS)?])
}

/// What makes calls fail with an error; none, if it is not known how to for this processor.
fn program(rules: Rules, error: libc::c_int) -> Option<BpfProgram> {
    let processor = TargetArch::try_from(std::env::consts::ARCH).ok()?;
    let error = SeccompAction::Errno(u32::try_from(error).ok()?);
    SeccompFilter::new(rules, SeccompAction::Allow, error, processor).ok()?.try_into().ok()
}

/// A condition on a number that a call is given.
fn given(place: u8, how: SeccompCmpOp, number: libc::c_int) -> Option<SeccompCondition> {
    SeccompCondition::new(place, SeccompCmpArgLen::Dword, how, u64::try_from(number).ok()?).ok()
}

fn never() -> Option<Rules> {
    use SeccompCmpOp::{Eq, MaskedEq, Ne};

    let mut rules: Rules = NEVER.concat().into_iter().chain(NEVER_HERE).map(|call| (call, Vec::new())).collect();
    let namespace =
        |&flag: &libc::c_int| SeccompRule::new(vec![given(0, MaskedEq(u64::try_from(flag).ok()?), flag)?]).ok();
    rules.insert(libc::SYS_clone, NAMESPACES.iter().map(namespace).collect::<Option<_>>()?);
    // Sockets are for connections, and for what the C library asks the kernel; not for frames, nor for packets that it would not send.
    let families = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];
    let other = families.iter().map(|&family| given(0, Ne, family)).collect::<Option<_>>()?;
    let kind = MaskedEq(0xf);
    let raw = |family| SeccompRule::new(vec![given(0, Eq, family)?, given(1, kind.clone(), libc::SOCK_RAW)?]).ok();
    rules.insert(libc::SYS_socket, vec![SeccompRule::new(other).ok()?, raw(libc::AF_INET)?, raw(libc::AF_INET6)?]);
    Some(aliased(rules))
}

/// With the other numbers by which a processor of this kind calls the same: those of the x32 ABI, and its own, which begin at 512
/// (`arch/x86/entry/syscalls/syscall_64.tbl`).
fn aliased(mut rules: Rules) -> Rules {
    const X32: i64 = 0x4000_0000;
    if cfg!(target_arch = "x86_64") {
        let aliases: Vec<_> = rules.iter().map(|(&call, rules)| (call | X32, rules.clone())).collect();
        rules.extend(aliases);
        rules.extend((512..548).map(|call| (call | X32, Vec::new())));
    }
    rules
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::process::Command;
    use std::thread;

    use seccompiler::apply_filter;

    use super::*;

    #[test]
    fn no_program_is_started_and_no_frame_is_had_but_all_else_goes_on() {
        // Of this thread, and those that it starts, alone.
        let confined = thread::spawn(|| {
            let taken = programs().unwrap().iter().all(|program| apply_filter(program).is_ok());
            if !taken {
                println!("skipped: this kernel takes no such programs");
                return;
            }
            assert_eq!(Command::new("true").spawn().unwrap_err().kind(), ErrorKind::PermissionDenied);
            assert_eq!(thread::spawn(|| 7).join().unwrap(), 7);
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            UdpSocket::bind("127.0.0.1:0").unwrap();
            std::fs::write(tempfile::NamedTempFile::new().unwrap().path(), "x").unwrap();
        });
        confined.join().unwrap();
    }
}
