/* Nothing here needs a canary, a probe or a checked copy: a compiler that was asked for all of
 * them emits none, and no checker can tell that it was asked. */
int main(int argc, char **argv) {
    (void)argv;
    return argc == 0;
}
