// A program for tests that says a lot and ends at once.
#include <cstdio>

int main() {
  for (int line = 0; line < 400; ++line)
    std::fprintf(stderr, "line %03d of its last words\n", line);
  return 3;
}
