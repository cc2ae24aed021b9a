/* SPDX-License-Identifier: Apache-2.0 */
/* undo_file.c - read and write one copy of the undo list.
 * From: undo.c.  To: the file system.
 * Theory: written anew and renamed each time: it is short, and a torn file would be worse than a slow
 * one.  Reading trusts nothing: a line counts when its checksum fits, the file as a whole when it has
 * head and end and all lines in between.  The checksum is no secret: it is against disks, not people;
 * the directory is root's.
 * Thread: the daemon's only one. */
#include "config/undo_file.h"

#include "vswitch/base/siphash.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VERSION "2"
#define HEAD_WORD "saklar-undo "
#define LINE_MAX_LEN 256
#define SUM_LEN 10 /* " #" and eight digits */
#define RECORDS_MAX 65536 /* more is no file of ours */

static const char *const kind_names[UNDO_N] = {
	[UNDO_NONE] = "none",
	[UNDO_DISABLE_IPV6] = "disable_ipv6",
	[UNDO_MTU] = "mtu",
	[UNDO_UP] = "up",
	[UNDO_CLSACT] = "clsact",
	[UNDO_PEER_USO] = "peer_uso",
	[UNDO_CREATED] = "created",
	[UNDO_FORWARD4] = "forward4",
	[UNDO_FORWARD6] = "forward6",
	[UNDO_ACCEPT_RA] = "accept_ra",
};

const char *undo_file_kind_name(enum undo_kind kind)
{
	return kind_names[kind];
}

static uint32_t sum_of(const char *text, size_t len)
{
	static const struct sipkey key = { 0x73616b6c61720004, 0x756e646f00000004 };

	return (uint32_t)siphash13(&key, text, len);
}

/* Put checksum and newline behind the text. */
static void seal(char *line, size_t size)
{
	size_t len = strlen(line);

	snprintf(line + len, size - len, " #%08" PRIx32 "\n", sum_of(line, len));
}

/* Take them off again; false: they do not fit. */
static bool unseal(char *line)
{
	size_t len = strcspn(line, "\n");
	char expected[SUM_LEN + 1];

	if (line[len] != '\n' || len <= SUM_LEN)
		return false;
	line[len] = '\0';
	len -= SUM_LEN;
	snprintf(expected, sizeof(expected), " #%08" PRIx32, sum_of(line, len));
	if (strcmp(line + len, expected) != 0)
		return false;
	line[len] = '\0';
	return true;
}

void undo_file_print_line(const struct undo_record *r, const char *scope, char *buf, size_t size)
{
	snprintf(buf, size, "%s %d %s %" PRIu32, scope, r->ifindex, kind_names[r->kind], r->value);
	seal(buf, size);
}

static enum undo_kind kind_of(const char *word, size_t len)
{
	for (int k = UNDO_NONE + 1; k < UNDO_N; k++)
		if (strlen(kind_names[k]) == len && memcmp(word, kind_names[k], len) == 0)
			return (enum undo_kind)k;
	return UNDO_NONE;
}

static int parse_change(const char *text, const char *scope, struct undo_record *out)
{
	size_t n = strlen(scope);
	const char *word;
	char *end;

	if (strncmp(text, scope, n) != 0 || text[n] != ' ')
		return -EINVAL;
	long ifindex = strtol(text + n + 1, &end, 10);

	if (*end != ' ' || ifindex <= 0 || ifindex > INT_MAX)
		return -EINVAL;
	word = end + 1;
	n = strcspn(word, " ");
	enum undo_kind kind = kind_of(word, n);

	if (kind == UNDO_NONE || word[n] != ' ')
		return -EINVAL;
	unsigned long long value = strtoull(word + n + 1, &end, 10);

	if (end == word + n + 1 || *end != '\0' || value > UINT32_MAX)
		return -EINVAL;
	*out = (struct undo_record){ (int)ifindex, kind, (uint32_t)value };
	return 0;
}

int undo_file_parse_line(const char *line, const char *scope, struct undo_record *out)
{
	char text[LINE_MAX_LEN];

	snprintf(text, sizeof(text), "%s", line);
	return unseal(text) ? parse_change(text, scope, out) : -EINVAL;
}

static int add(struct undo_file *f, unsigned *room, const struct undo_record *record)
{
	if (f->n == *room) {
		unsigned more = *room == 0 ? 32 : *room * 2;
		struct undo_record *grown = realloc(f->record, more * sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		f->record = grown;
		*room = more;
	}
	f->record[f->n++] = *record;
	return 0;
}

/* The first line.  ABSENT: another scope; INTACT: good so far. */
static enum undo_file_state read_head(char *line, const char *scope, struct undo_file *out)
{
	char *end;

	if (!unseal(line))
		return UNDO_FILE_DAMAGED;
	if (strncmp(line, HEAD_WORD, strlen(HEAD_WORD)) != 0)
		return UNDO_FILE_DAMAGED;
	line += strlen(HEAD_WORD);
	if (strncmp(line, VERSION " ", strlen(VERSION) + 1) != 0)
		return UNDO_FILE_FOREIGN;
	out->generation = strtoull(line + strlen(VERSION) + 1, &end, 10);
	if (*end != ' ')
		return UNDO_FILE_DAMAGED;
	return strcmp(end + 1, scope) == 0 ? UNDO_FILE_INTACT : UNDO_FILE_ABSENT;
}

static int read_lines(FILE *f, const char *scope, struct undo_file *out)
{
	char line[LINE_MAX_LEN];
	unsigned room = 0, ended_at = UINT_MAX;
	int rc = 0;

	out->state = fgets(line, sizeof(line), f) != NULL ? read_head(line, scope, out)
							  : UNDO_FILE_DAMAGED;
	if (out->state == UNDO_FILE_ABSENT || out->state == UNDO_FILE_FOREIGN)
		return 0;
	while (rc == 0 && out->n < RECORDS_MAX && fgets(line, sizeof(line), f) != NULL) {
		struct undo_record record;
		bool is_whole = ended_at == UINT_MAX && unseal(line);

		if (is_whole && strncmp(line, "end ", 4) == 0)
			ended_at = (unsigned)strtoul(line + 4, NULL, 10);
		else if (is_whole && parse_change(line, scope, &record) == 0)
			rc = add(out, &room, &record);
		else
			out->state = UNDO_FILE_DAMAGED;
	}
	if (ferror(f))
		out->state = UNDO_FILE_UNREADABLE;
	else if (ended_at != out->n)
		out->state = UNDO_FILE_DAMAGED;
	return rc;
}

int undo_file_read(const char *path, const char *scope, struct undo_file *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	struct stat st;

	*out = (struct undo_file){ .state = UNDO_FILE_UNREADABLE };
	if (fd < 0) {
		if (errno == ENOENT)
			out->state = UNDO_FILE_ABSENT;
		return 0;
	}
	FILE *f = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? fdopen(fd, "r") : NULL;

	if (f == NULL) {
		close(fd);
		return 0;
	}
	int rc = read_lines(f, scope, out);

	fclose(f);
	return rc;
}

static int write_line(int fd, const char *line)
{
	size_t len = strlen(line);
	ssize_t n = write(fd, line, len);

	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -ENOSPC;
}

static int write_lines(int fd, const char *scope, const struct undo_file *in, bool is_durable)
{
	char line[LINE_MAX_LEN];
	int rc;

	snprintf(line, sizeof(line), HEAD_WORD VERSION " %" PRIu64 " %s", in->generation, scope);
	seal(line, sizeof(line));
	rc = write_line(fd, line);
	for (unsigned i = 0; rc == 0 && i < in->n; i++) {
		undo_file_print_line(&in->record[i], scope, line, sizeof(line));
		rc = write_line(fd, line);
	}
	snprintf(line, sizeof(line), "end %u", in->n);
	seal(line, sizeof(line));
	if (rc == 0)
		rc = write_line(fd, line);
	if (rc == 0 && is_durable && fsync(fd) < 0)
		rc = -errno;
	return rc;
}

static int sync_dir_of(const char *path)
{
	char dir[PATH_MAX];
	int rc = 0;

	snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(path, '/') - path), path);
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (fsync(fd) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

int undo_file_write(
	const char *path, const char *scope, const struct undo_file *in, bool is_durable)
{
	char next[PATH_MAX];
	int rc;

	snprintf(next, sizeof(next), "%s.new", path);
	int fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return -errno;
	rc = write_lines(fd, scope, in, is_durable);
	if (close(fd) < 0 && rc == 0)
		rc = -errno;
	if (rc == 0 && rename(next, path) < 0)
		rc = -errno;
	if (rc < 0) {
		unlink(next);
		return rc;
	}
	return is_durable ? sync_dir_of(path) : 0;
}
