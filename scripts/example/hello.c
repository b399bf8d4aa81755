#include <stdio.h>

int main(void) {
  puts("Hello from an image that holds this program and nothing else.");
  return 0;
}
