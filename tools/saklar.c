/* SPDX-License-Identifier: Apache-2.0 */
/* saklar.c - the program `saklar`: main() and nothing else.
 *
 * From: the shell.  To: cli.c, which the unit tests call in the same way.
 * Thread: the only one. */
#include "tools/cli.h"

#include <stdio.h>

int main(int argc, char **argv)
{
	return cli_run(argc, argv, stdout, stderr);
}
