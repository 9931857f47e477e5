/* testbox: small probes that integration tests run inside containers; see main.c for the table. */
#pragma once

int cmd_attack(int argc, char **argv);
int cmd_burn(int argc, char **argv);
int cmd_count(int argc, char **argv);
int cmd_forks(int argc, char **argv);
int cmd_hog(int argc, char **argv);
int cmd_ipc(int argc, char **argv);
int cmd_serve(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_sysprobe(int argc, char **argv);
int cmd_ttycheck(int argc, char **argv);
