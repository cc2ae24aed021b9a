/* SPDX-License-Identifier: Apache-2.0 */
/* load_programs.c - load the BPF object named by the argument, with the maps it declares; says what
 * the kernel's verifier says.  Linked statically, for a guest that has nothing but a shell. */
#include <bpf/libbpf.h>
#include <stdarg.h>
#include <stdio.h>

static int print_warnings(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_WARN ? vprintf(format, args) : 0;
}

int main(int argc, char **argv)
{
	struct bpf_object *object;
	struct bpf_program *program = NULL;

	libbpf_set_print(print_warnings);
	object = argc == 2 ? bpf_object__open_file(argv[1], NULL) : NULL;
	if (object == NULL || bpf_object__load(object) < 0)
		return 1;
	while ((program = bpf_object__next_program(object, program)) != NULL)
		printf("loaded %s\n", bpf_program__name(program));
	bpf_object__close(object);
	return 0;
}
