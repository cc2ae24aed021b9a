/* SPDX-License-Identifier: Apache-2.0 */
/* replay_main.c - run a fuzz target over stored inputs, without libFuzzer.
 *
 * From: ctest, with the target's folders of tests/fuzz/corpus and tests/fuzz/regress.
 * To: LLVMFuzzerTestOneInput() of the target it is linked with.
 * Theory: what a fuzzer once found must stay found by every build and compiler, so each input is an
 * ordinary test; the empty input and a few fixed ones run even when nothing is stored.
 * Invariants: every input lies in a heap block of its exact size, so that ASan sees one byte more.
 * Thread: one. */
#include "vswitch/base/base.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define INPUT_LEN_MAX (1L << 20)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
/* libFuzzer calls it when the target has one. */
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv);

static int run_bytes(const void *from, size_t size)
{
	/* calloc of 0 may give NULL; targets may trust that it is a pointer. */
	uint8_t *bytes = calloc(1, size ? size : 1);

	if (!bytes)
		return -ENOMEM;
	if (size)
		memcpy(bytes, from, size);
	LLVMFuzzerTestOneInput(bytes, size);
	free(bytes);
	return 0;
}

static int run_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	char *bytes = NULL;
	size_t size;
	int rc = -EIO;

	if (!file)
		return -errno;
	bytes = malloc(INPUT_LEN_MAX);
	if (!bytes) {
		rc = -ENOMEM;
		goto out;
	}
	size = fread(bytes, 1, INPUT_LEN_MAX, file);
	if (ferror(file))
		goto out;
	rc = run_bytes(bytes, size);
out:
	free(bytes);
	if (fclose(file) != 0 && rc == 0)
		rc = -errno;
	return rc;
}

/* A folder that is not there is an empty one. */
static int run_folder(const char *folder, unsigned *n_inputs)
{
	struct dirent **names = NULL;
	int n = scandir(folder, &names, NULL, alphasort);
	int rc = 0;

	if (n < 0)
		return errno == ENOENT ? 0 : -errno;
	for (int i = 0; i < n; i++) {
		char path[4096];
		struct stat st;

		snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name);
		free(names[i]);
		if (rc < 0 || stat(path, &st) < 0 || !S_ISREG(st.st_mode))
			continue;
		printf("%s\n", path); /* the last line names the input that crashed */
		fflush(stdout);
		rc = run_file(path);
		(*n_inputs)++;
	}
	free(names);
	return rc;
}

static int run_fixed(unsigned *n_inputs)
{
	static const uint8_t fill[] = { 0x00, 0x01, 0x45, 0x7f, 0x80, 0xff };
	uint8_t bytes[256];
	int rc = run_bytes("", 0);

	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(fill); i++) {
		memset(bytes, fill[i], sizeof(bytes));
		for (size_t size = 1; rc == 0 && size <= sizeof(bytes); size++, (*n_inputs)++)
			rc = run_bytes(bytes, size);
	}
	return rc;
}

int main(int argc, char **argv)
{
	unsigned n_stored = 0;
	unsigned n_fixed = 1;
	int rc;

	if (LLVMFuzzerInitialize)
		LLVMFuzzerInitialize(&argc, &argv);
	rc = run_fixed(&n_fixed);
	for (int i = 1; rc == 0 && i < argc; i++)
		rc = run_folder(argv[i], &n_stored);
	if (rc < 0) {
		fprintf(stderr, "replay: %s\n", strerror(-rc));
		return EXIT_FAILURE;
	}
	printf("replayed %u stored and %u fixed inputs\n", n_stored, n_fixed);
	return EXIT_SUCCESS;
}
