#include <unistd.h>

#include <cstddef>
#include <string_view>

// libgomp's threads wait for one another by spinning, for milliseconds. Beside other programs they
// burn the time that the thread they wait for would need, and two threads are slower than one.
// libgomp reads how long it may spin from the environment as it is loaded, before main(). So this
// runs ahead of every library's start-up code: where the environment does not say how to wait, it
// starts the program again with a bound of a few microseconds. What the user says is kept.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
namespace {

char spin_count[] =
    "GOMP_SPINCOUNT=100";  // turns of a loop with a pause in it, which takes 20 to 60 ns

bool says_how_to_wait(std::string_view entry) {
  return entry.starts_with("GOMP_SPINCOUNT=") || entry.starts_with("OMP_WAIT_POLICY=");
}

void bound_spinning(int /*argc*/, char** argv, char** environment) {
  size_t count = 0;
  for (; environment[count] != nullptr; ++count)
    if (says_how_to_wait(environment[count])) return;
  // On the stack: the allocator has not been set up yet.
  auto** entries = static_cast<char**>(__builtin_alloca((count + 2) * sizeof(char*)));
  for (size_t i = 0; i < count; ++i) entries[i] = environment[i];
  entries[count] = spin_count;
  entries[count + 1] = nullptr;
  ::execve("/proc/self/exe", argv,
           entries);  // where there is no /proc, the program goes on as it is
}

}  // namespace

__attribute__((section(".preinit_array"),
               used)) static void (*const retort_bound_spinning)(int, char**,
                                                                 char**) = bound_spinning;
#endif
