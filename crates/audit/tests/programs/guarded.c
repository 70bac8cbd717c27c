/* A Windows program without a C library, whose load configuration names the table for Control Flow
   Guard, unless it is BARE of one. The linker defines the three symbols of the table. */
typedef unsigned long long word;
typedef unsigned int number;

extern void *__guard_fids_table[], *__guard_fids_count[], *__guard_flags[];

/* The loader puts its own functions there. */
static void check(void) {}
void *__guard_check_icall_fptr = check;
void *__guard_dispatch_icall_fptr = check;
static word cookie = 0x2b992ddfa232;

#ifndef BARE
/* IMAGE_LOAD_CONFIG_DIRECTORY64 in winnt.h, up to GuardFlags. */
const struct {
  number size;
  number unused[21];
  word *security_cookie;
  word se_handler_table, se_handler_count;
  void **guard_cf_check, **guard_cf_dispatch;
  void *guard_cf_table, *guard_cf_count;
  void *guard_flags;
} _load_config_used = {
    152, {0}, &cookie, 0, 0, &__guard_check_icall_fptr, &__guard_dispatch_icall_fptr,
    __guard_fids_table, __guard_fids_count, __guard_flags};
#endif

typedef int function(void);
static int one(void) { return 1; }
static int two(void) { return 2; }
function *volatile chosen = one;

int start(void) {
  if (cookie)
    chosen = two;
  return chosen();
}
