#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In Go. */
extern int doubled(int);

int twice(int value) { return doubled(value); }

/* Through stdio and the heap, so that libc has something to do. */
int digits(const char *text) {
	char *copy = strdup(text);
	char found[16] = "";
	for (char *at = copy; *at; at++)
		if (*at >= '0' && *at <= '9')
			strncat(found, at, 1);
	free(copy);
	return atoi(found);
}

/* As many bytes as are asked for, into sixteen. */
void *overflow(int length) {
	char small[16];
	memset(small, 'x', length);
	printf("%.4s\n", small);
	return NULL;
}
