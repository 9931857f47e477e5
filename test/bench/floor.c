/*
 * The floor under a one-container pod: what the kernel alone takes for one, asked for by plain
 * system calls of a small process and nothing else. Every round makes a pod and takes it away:
 *
 *   begun      cgroup, folders
 *   executes   clone3 into the cgroup with six namespaces · overlay, /proc, /sys, /dev, devpts,
 * mqueue, shm, pivot_root · meanwhile a veth pair with one end on the bridge, by one message · lo,
 * address, route · host name, capabilities, no_new_privs gone       /bin/true has run and been
 * reaped, cgroup and folders are removed; the veth is left to the end of its namespace
 *
 * floor ROUNDS WORKERS CGROUP2_FOLDER ROOTFS WORK_FOLDER
 * Prints one line per round, "start_us down_us", then "rate <pods per second>". Leaves the bridge
 * to the network namespace that it is run in.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/rtnetlink.h>
#include <linux/sched.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WARM_ROUNDS = 3, LINK_PREFIX = 16 };

static const char bridge_name[] = "floor0";
static const uint32_t gateway = 0x0afe0001; /* 10.254.0.1 */

struct times {
	double begun, executes, reaped, gone;
};

static const char *rootfs, *cgroups;

static double now_us(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

/* Ends this process with a word when a call has failed. */
static long sure(const char *what, long result)
{
	if (result >= 0)
		return result;
	fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
	_exit(1);
}

/* ---- netlink: a message grows in a buffer, attributes may nest ---- */

struct message {
	union {
		struct nlmsghdr header;
		char bytes[1024];
	};
};

static void *grow(struct message *message, size_t size)
{
	char *place = message->bytes + NLMSG_ALIGN(message->header.nlmsg_len);

	message->header.nlmsg_len = (uint32_t)(place - message->bytes + (long)size);
	return place;
}

static void *begin(struct message *message, uint16_t type, uint16_t flags, size_t size)
{
	memset(message, 0, sizeof(*message));
	message->header.nlmsg_len = NLMSG_HDRLEN;
	message->header.nlmsg_type = type;
	message->header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	return grow(message, size);
}

static struct rtattr *attribute(struct message *message, uint16_t type, const void *data,
				size_t size)
{
	struct rtattr *made = grow(message, RTA_LENGTH(size));

	made->rta_type = type;
	made->rta_len = (uint16_t)RTA_LENGTH(size);
	if (size > 0)
		memcpy(RTA_DATA(made), data, size);
	return made;
}

static void end_nest(struct message *message, struct rtattr *nest)
{
	nest->rta_len = (uint16_t)(message->bytes + message->header.nlmsg_len - (const char *)nest);
}

static void ask(int netlink, const char *what, struct message *message)
{
	char answer[4096];
	struct nlmsghdr *header = (struct nlmsghdr *)answer;

	sure(what, send(netlink, message, message->header.nlmsg_len, 0));
	sure(what, recv(netlink, answer, sizeof(answer), 0));
	errno = -((struct nlmsgerr *)NLMSG_DATA(header))->error;
	sure(what, header->nlmsg_type == NLMSG_ERROR && errno != 0 ? -1 : 0);
}

static int open_netlink(void)
{
	return (int)sure("netlink", socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
}

static void set_up(int netlink, int index)
{
	struct message message;
	struct ifinfomsg *link = begin(&message, RTM_NEWLINK, 0, sizeof(*link));

	link->ifi_index = index;
	link->ifi_flags = link->ifi_change = IFF_UP;
	ask(netlink, "link up", &message);
}

static void add_address(int netlink, int index, uint32_t address)
{
	struct message message;
	struct ifaddrmsg *head =
		begin(&message, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof(*head));
	uint32_t bytes = htonl(address);

	head->ifa_family = AF_INET;
	head->ifa_prefixlen = LINK_PREFIX;
	head->ifa_index = (uint32_t)index;
	attribute(&message, IFA_LOCAL, &bytes, sizeof(bytes));
	attribute(&message, IFA_ADDRESS, &bytes, sizeof(bytes));
	ask(netlink, "address", &message);
}

static void add_default_route(int netlink)
{
	struct message message;
	struct rtmsg *route =
		begin(&message, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, sizeof(*route));
	uint32_t bytes = htonl(gateway);

	route->rtm_family = AF_INET;
	route->rtm_table = RT_TABLE_MAIN;
	route->rtm_protocol = RTPROT_BOOT;
	route->rtm_type = RTN_UNICAST;
	attribute(&message, RTA_GATEWAY, &bytes, sizeof(bytes));
	ask(netlink, "route", &message);
}

static void add_bridge(int netlink)
{
	struct message message;
	struct ifinfomsg *link =
		begin(&message, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(*link));
	struct rtattr *info;

	link->ifi_flags = link->ifi_change = IFF_UP;
	attribute(&message, IFLA_IFNAME, bridge_name, sizeof(bridge_name));
	info = attribute(&message, IFLA_LINKINFO, NULL, 0);
	attribute(&message, IFLA_INFO_KIND, "bridge", sizeof("bridge"));
	end_nest(&message, info);
	ask(netlink, "bridge", &message);
	add_address(netlink, (int)if_nametoindex(bridge_name), gateway);
}

/* A veth pair in one message: this end on the bridge and up, the other one as eth0 in the pod. */
static void add_veth(int netlink, const char *name, int bridge, pid_t pod)
{
	struct message message;
	struct ifinfomsg *link =
		begin(&message, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(*link));
	struct rtattr *info, *data, *peer;

	link->ifi_flags = link->ifi_change = IFF_UP;
	attribute(&message, IFLA_IFNAME, name, strlen(name) + 1);
	attribute(&message, IFLA_MASTER, &bridge, sizeof(bridge));
	info = attribute(&message, IFLA_LINKINFO, NULL, 0);
	attribute(&message, IFLA_INFO_KIND, "veth", sizeof("veth"));
	data = attribute(&message, IFLA_INFO_DATA, NULL, 0);
	peer = attribute(&message, VETH_INFO_PEER, NULL, 0);
	grow(&message, sizeof(struct ifinfomsg));
	attribute(&message, IFLA_IFNAME, "eth0", sizeof("eth0"));
	attribute(&message, IFLA_NET_NS_PID, &pod, sizeof(pod));
	end_nest(&message, peer);
	end_nest(&message, data);
	end_nest(&message, info);
	ask(netlink, "veth", &message);
}

/* ---- inside the pod ---- */

static void mount_at(const char *type, const char *target, unsigned long flags, const char *options)
{
	sure(target, mount(type, target, type, flags, options));
}

static void make_devices(void)
{
	static const struct {
		const char *name;
		unsigned int major, minor;
	} nodes[] = {{"dev/null", 1, 3},   {"dev/zero", 1, 5},    {"dev/full", 1, 7},
		     {"dev/random", 1, 8}, {"dev/urandom", 1, 9}, {"dev/tty", 5, 0}};
	static const char *const links[][2] = {{"/proc/self/fd", "dev/fd"},
					       {"/proc/self/fd/0", "dev/stdin"},
					       {"/proc/self/fd/1", "dev/stdout"},
					       {"/proc/self/fd/2", "dev/stderr"},
					       {"pts/ptmx", "dev/ptmx"}};

	for (size_t i = 0; i < sizeof(nodes) / sizeof(*nodes); i++)
		sure(nodes[i].name,
		     mknod(nodes[i].name, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)));
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++)
		sure(links[i][1], symlink(links[i][0], links[i][1]));
}

static void enter_root(const char *work)
{
	const unsigned long plain = MS_NOSUID | MS_NOEXEC | MS_NODEV;
	char merged[512], options[2048];

	snprintf(merged, sizeof(merged), "%s/merged", work);
	snprintf(options, sizeof(options), "lowerdir=%s,upperdir=%s/upper,workdir=%s/work", rootfs,
		 work, work);
	sure("private", mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	mount_at("overlay", merged, 0, options);
	sure("merged", chdir(merged));
	mount_at("proc", "proc", plain, NULL);
	mount_at("sysfs", "sys", plain | MS_RDONLY, NULL);
	mount_at("tmpfs", "dev", MS_NOSUID, "mode=755,size=64m");
	sure("dev/pts", mkdir("dev/pts", 0755));
	sure("dev/shm", mkdir("dev/shm", 0755));
	sure("dev/mqueue", mkdir("dev/mqueue", 0755));
	mount_at("devpts", "dev/pts", MS_NOSUID | MS_NOEXEC,
		 "newinstance,ptmxmode=0666,mode=0620,gid=5");
	mount_at("mqueue", "dev/mqueue", plain, NULL);
	mount_at("tmpfs", "dev/shm", plain, "mode=1777,size=64m");
	make_devices();
	sure("pivot_root", syscall(SYS_pivot_root, ".", "."));
	sure("old root", umount2(".", MNT_DETACH));
	sure("root", chdir("/"));
}

static void give_up_power(void)
{
	const uint64_t kept = 1ULL << CAP_CHOWN | 1ULL << CAP_DAC_OVERRIDE | 1ULL << CAP_FOWNER |
			      1ULL << CAP_FSETID | 1ULL << CAP_KILL | 1ULL << CAP_SETGID |
			      1ULL << CAP_SETUID | 1ULL << CAP_NET_BIND_SERVICE;
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {{(uint32_t)kept, (uint32_t)kept, 0}, {0, 0, 0}};

	for (unsigned long number = 0; number <= CAP_LAST_CAP; number++)
		if (!(kept >> number & 1))
			prctl(PR_CAPBSET_DROP, number, 0, 0, 0);
	sure("capset", syscall(SYS_capset, &header, data));
	sure("no_new_privs", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

static void be_pod(int sync, const char *work, uint32_t address, struct times *times)
{
	char *const argv[] = {(char[]){"true"}, NULL};
	char *const envp[] = {(char[]){"PATH=/bin"}, NULL};
	char byte;
	int netlink, eth0;

	enter_root(work);
	netlink = open_netlink();
	sure("sync", read(sync, &byte, 1));
	eth0 = (int)if_nametoindex("eth0");
	set_up(netlink, 1);
	add_address(netlink, eth0, address);
	set_up(netlink, eth0);
	add_default_route(netlink);
	sure("host name", sethostname("pod", 3));
	sure("session", setsid());
	give_up_power();
	times->executes = now_us();
	execve("/bin/true", argv, envp);
	_exit(127);
}

/* ---- outside ---- */

static void for_folders(const char *work, int (*act)(const char *path))
{
	static const char *const names[] = {"upper", "work", "merged"};
	char path[512];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), "%s/%s", work, names[i]);
		sure(path, act(path));
	}
}

static int make_folder(const char *path)
{
	return mkdir(path, 0755);
}

static void one_round(int netlink, int bridge, int worker, int round, struct times *times)
{
	char work[32], path[64], cgroup[512], veth[32];
	struct clone_args args = {.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC |
					   CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWCGROUP |
					   CLONE_INTO_CGROUP,
				  .exit_signal = SIGCHLD};
	uint32_t address = gateway + 255 + (uint32_t)(worker * 4096 + round % 4096);
	int sync[2], folder, status;
	pid_t pod;

	times->begun = now_us();
	snprintf(work, sizeof(work), "%d", worker);
	snprintf(veth, sizeof(veth), "f%x-%d", (unsigned int)getpid(), round);
	snprintf(cgroup, sizeof(cgroup), "%s/floor-%d-%d", cgroups, worker, round);
	sure(cgroup, mkdir(cgroup, 0755));
	folder = (int)sure(cgroup, open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	sure(work, mkdir(work, 0755));
	for_folders(work, make_folder);
	sure("socketpair", socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sync));
	args.cgroup = (uint32_t)folder;
	pod = (pid_t)sure("clone3", syscall(SYS_clone3, &args, sizeof(args)));
	if (pod == 0)
		be_pod(sync[1], work, address, times);
	add_veth(netlink, veth, bridge, pod);
	sure("sync", write(sync[0], "", 1));
	sure("wait", waitpid(pod, &status, 0));
	times->reaped = now_us();
	if (status != 0)
		_exit(1);
	close(folder);
	close(sync[0]);
	close(sync[1]);
	sure(cgroup, rmdir(cgroup));
	snprintf(path, sizeof(path), "%s/work/work", work); /* overlayfs made it */
	sure(path, rmdir(path));
	for_folders(work, rmdir);
	sure(work, rmdir(work));
	times->gone = now_us();
}

static void be_worker(int worker, int rounds, struct times *times)
{
	int netlink = open_netlink(), bridge = (int)if_nametoindex(bridge_name);

	for (int round = 0; round < WARM_ROUNDS + rounds; round++)
		one_round(netlink, bridge, worker, round, &times[round]);
	_exit(0);
}

int main(int argc, char **argv)
{
	int rounds = argc == 6 ? atoi(argv[1]) : 0, workers = argc == 6 ? atoi(argv[2]) : 0;
	int all = WARM_ROUNDS + rounds, status, failed = 0;
	struct times *times;
	double begun;

	if (rounds < 1 || workers < 1) {
		fprintf(stderr, "usage: floor ROUNDS WORKERS CGROUP2_FOLDER ROOTFS WORK_FOLDER\n");
		return 2;
	}
	cgroups = argv[3];
	rootfs = argv[4];
	sure(argv[5], chdir(argv[5]));
	umask(0);
	if (if_nametoindex(bridge_name) == 0)
		add_bridge(open_netlink());
	times = mmap(NULL, sizeof(*times) * (size_t)(all * workers), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (times == MAP_FAILED)
		return 1;
	begun = now_us();
	for (int worker = 0; worker < workers; worker++)
		if (sure("fork", fork()) == 0)
			be_worker(worker, rounds, times + worker * all);
	while (wait(&status) > 0)
		failed |= status;
	if (failed != 0)
		return 1;
	begun = now_us() - begun;
	for (int i = 0; i < all * workers; i++)
		if (i % all >= WARM_ROUNDS)
			printf("%.0f %.0f\n", times[i].executes - times[i].begun,
			       times[i].gone - times[i].reaped);
	printf("rate %.1f\n", all * workers / (begun / 1e6));
	return 0;
}
