// Writes to both streams without end.
#include <unistd.h>
int main(void) {
    static char text[65536];
    for (int i = 0; i < 65536; i++)
        text[i] = 'x';
    for (;;) {
        write(1, text, sizeof text);
        write(2, text, 100);
    }
}
