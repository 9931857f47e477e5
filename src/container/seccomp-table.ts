/**
 * The default seccomp profile as a table: what every container may call, and what comes with a capability.
 *
 * The set is that of Docker and containerd, without vmsplice and the calls that podman never allows (security: B5).
 * Everything that is not listed is EPERM. Never listed: io_uring (many kernel bugs, bypasses this filter),
 * userfaultfd, keyrings, kexec, swap, modules without their capability.
 */
import type { CapabilityName } from "../spec/capabilities.ts";

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}

/** Names that end in a number are 32-bit or 64-bit-time forms that some architectures have. */
export const allowedSyscalls: readonly string[] = words(`
  read readv pread64 preadv preadv2 write writev pwrite64 pwritev pwritev2 lseek _llseek readahead
  open openat openat2 creat close close_range dup dup2 dup3 fcntl fcntl64 flock ioctl
  stat stat64 lstat lstat64 fstat fstat64 fstatat64 newfstatat statx statfs statfs64 fstatfs fstatfs64
  access faccessat faccessat2 chmod fchmod fchmodat fchmodat2 chown chown32 fchown fchown32 fchownat lchown lchown32
  truncate truncate64 ftruncate ftruncate64 fallocate fadvise64 fadvise64_64 copy_file_range sendfile sendfile64
  splice tee sync syncfs fsync fdatasync sync_file_range cachestat
  link linkat symlink symlinkat readlink readlinkat unlink unlinkat rename renameat renameat2
  mkdir mkdirat rmdir mknod mknodat getdents getdents64 chdir fchdir getcwd umask name_to_handle_at
  utime utimes utimensat utimensat_time64 futimesat
  getxattr lgetxattr fgetxattr setxattr lsetxattr fsetxattr listxattr llistxattr flistxattr
  removexattr lremovexattr fremovexattr getxattrat setxattrat listxattrat removexattrat
  inotify_init inotify_init1 inotify_add_watch inotify_rm_watch fanotify_mark statmount listmount
  select _newselect pselect6 pselect6_time64 poll ppoll ppoll_time64
  epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_wait epoll_wait_old epoll_pwait epoll_pwait2
  eventfd eventfd2 signalfd signalfd4 timerfd_create timerfd_gettime timerfd_gettime64
  timerfd_settime timerfd_settime64 pipe pipe2 memfd_create memfd_secret
  io_setup io_destroy io_submit io_cancel io_getevents io_pgetevents io_pgetevents_time64

  mmap mmap2 munmap mremap mprotect madvise mincore msync mlock mlock2 mlockall munlock munlockall mseal
  brk remap_file_pages pkey_alloc pkey_free pkey_mprotect map_shadow_stack membarrier

  fork vfork execve execveat exit exit_group wait4 waitid waitpid
  getpid getppid gettid getpgid getpgrp setpgid getsid setsid set_tid_address
  getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32 getresuid getresuid32 getresgid getresgid32
  setuid setuid32 setgid setgid32 setreuid setreuid32 setregid setregid32 setresuid setresuid32
  setresgid setresgid32 setfsuid setfsuid32 setfsgid setfsgid32 getgroups getgroups32 setgroups setgroups32
  capget capset prctl seccomp uname sysinfo times getrusage getcpu
  getrlimit ugetrlimit setrlimit prlimit64 getpriority setpriority ioprio_get ioprio_set
  kill tkill tgkill pidfd_open pidfd_send_signal process_mrelease restart_syscall pause uretprobe
  rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait
  rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaltstack sigprocmask sigreturn
  ptrace process_vm_readv process_vm_writev
  get_robust_list set_robust_list rseq futex futex_time64 futex_waitv futex_wait futex_wake futex_requeue
  get_thread_area set_thread_area
  sched_getaffinity sched_setaffinity sched_getattr sched_setattr sched_getparam sched_setparam
  sched_getscheduler sched_setscheduler sched_get_priority_max sched_get_priority_min
  sched_rr_get_interval sched_rr_get_interval_time64 sched_yield
  landlock_create_ruleset landlock_add_rule landlock_restrict_self

  time gettimeofday clock_gettime clock_gettime64 clock_getres clock_getres_time64
  clock_nanosleep clock_nanosleep_time64 nanosleep clock_adjtime clock_adjtime64 adjtimex alarm
  getitimer setitimer timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64
  timer_settime timer_settime64 getrandom

  socketpair bind listen accept accept4 connect shutdown getsockname getpeername getsockopt setsockopt
  send sendto sendmsg sendmmsg recv recvfrom recvmsg recvmmsg recvmmsg_time64 socketcall
  ipc msgctl msgget msgrcv msgsnd semctl semget semop semtimedop semtimedop_time64 shmat shmctl shmdt shmget
  mq_open mq_unlink mq_notify mq_getsetattr mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64
`);

/** Calls that one architecture has. */
export const architectureSyscalls: Readonly<Record<string, readonly string[]>> = {
  x64: words("arch_prctl modify_ldt"),
  arm64: words(
    "arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls",
  ),
};

/** Calls that a capability brings. */
export const capabilitySyscalls: Readonly<Partial<Record<CapabilityName, readonly string[]>>> = {
  DAC_READ_SEARCH: words("open_by_handle_at"),
  SYS_ADMIN: words(`
    bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie
    lsm_get_self_attr lsm_set_self_attr lsm_list_modules mount mount_setattr move_mount open_tree
    perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog umount umount2 unshare
  `),
  SYS_BOOT: words("reboot"),
  SYS_CHROOT: words("chroot"),
  SYS_MODULE: words("delete_module init_module finit_module"),
  SYS_PACCT: words("acct"),
  SYS_PTRACE: words("kcmp pidfd_getfd process_madvise"),
  SYS_RAWIO: words("iopl ioperm"),
  SYS_TIME: words("settimeofday stime clock_settime clock_settime64"),
  SYS_TTY_CONFIG: words("vhangup"),
  SYS_NICE: words("get_mempolicy mbind set_mempolicy set_mempolicy_home_node"),
  SYSLOG: words("syslog"),
  BPF: words("bpf"),
  PERFMON: words("perf_event_open"),
};

/**
 * Numbers that libseccomp 2.5 (Debian 12) does not know; the same on every architecture since Linux 5.1.
 * Source: arch/x86/entry/syscalls/syscall_64.tbl, scripts/syscall.tbl.
 */
export const recentSyscalls: Readonly<Record<string, number>> = {
  // Of x86-64 alone; a uprobe of the host on a program of a container returns through it.
  ...(process.arch === "x64" ? { uretprobe: 335 } : {}),
  process_mrelease: 448,
  futex_waitv: 449,
  set_mempolicy_home_node: 450,
  cachestat: 451,
  fchmodat2: 452,
  map_shadow_stack: 453,
  futex_wake: 454,
  futex_wait: 455,
  futex_requeue: 456,
  statmount: 457,
  listmount: 458,
  lsm_get_self_attr: 459,
  lsm_set_self_attr: 460,
  lsm_list_modules: 461,
  mseal: 462,
  setxattrat: 463,
  getxattrat: 464,
  listxattrat: 465,
  removexattrat: 466,
};

/** file_setattr of Linux 6.17: numbers up to here were looked at; what is newer gets ENOSYS. */
export const newestSyscall = 469;

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. */
export const cloneNamespaceFlags = 0x7e02_0000;

/** PER_LINUX, PER_LINUX32, both with UNAME26, and the query; each as an int. */
export const allowedPersonalities: readonly number[] = [0, 8, 0x2_0000, 0x2_0008, 0xffff_ffff];

/**
 * Address families 0..47 without AF_ALG 38 (CVE-2026-31431) and AF_VSOCK 40, as `(family & mask) == value`.
 * Masks, not ranges: the kernel looks at 32 bits only, a comparison of 64 bits could be passed with garbage above.
 */
export const allowedFamilies: readonly { readonly mask: number; readonly value: number }[] = [
  { mask: 0xffff_ffe0, value: 0 }, // 0..31
  { mask: 0xffff_fffc, value: 32 }, // 32..35
  { mask: 0xffff_fffe, value: 36 }, // 36, 37
  { mask: 0xffff_ffff, value: 39 },
  { mask: 0xffff_ffff, value: 41 },
  { mask: 0xffff_fffe, value: 42 }, // 42, 43
  { mask: 0xffff_fffc, value: 44 }, // 44..47
];
