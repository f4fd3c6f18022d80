#include "apps/themis/file_watch.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace themis::cli {
namespace {

namespace fs = std::filesystem;

constexpr uint32_t kEvents =
    IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE | IN_ONLYDIR;

/// What editors and tools leave beside the sources, and what is not the user's own.
bool is_left_out(std::string_view name) {
  return name.empty() || name.front() == '.' || name.back() == '~' || name == "node_modules" ||
         name == "4913";  // vim tries whether it may write
}

}  // namespace

Maybe<FileWatch> FileWatch::open(const fs::path& folder) {
  FileWatch watch(net::Descriptor(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)));
  if (watch.descriptor() < 0) return failed("inotify: " + std::string(std::strerror(errno)));
  watch.add(folder);
  if (watch.folders_.empty()) return failed(folder.string() + ": " + std::strerror(errno));
  return watch;
}

void FileWatch::add(const fs::path& folder) {
  if (folders_.size() >= kFoldersMax) return;
  const int number = inotify_add_watch(descriptor(), folder.c_str(), kEvents);
  if (number < 0) return;
  folders_[number] = folder;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error))
    if (entry.is_directory(error) && !entry.is_symlink(error) &&
        !is_left_out(entry.path().filename().string()))
      add(entry.path());
}

bool FileWatch::take() {
  bool changed = false;
  alignas(inotify_event) std::array<char, 16 * 1024> buffer;
  while (true) {
    const ssize_t got = read(descriptor(), buffer.data(), buffer.size());
    if (got <= 0) return changed;
    for (ssize_t at = 0; at < got;) {
      inotify_event event;
      std::memcpy(&event, buffer.data() + at, sizeof event);
      const std::string name = event.len > 0 ? buffer.data() + at + sizeof event : "";
      at += static_cast<ssize_t>(sizeof event + event.len);
      if ((event.mask & IN_Q_OVERFLOW) != 0) changed = true;
      if (is_left_out(name)) continue;
      const auto folder = folders_.find(event.wd);
      const bool is_folder = (event.mask & IN_ISDIR) != 0;
      if (is_folder && (event.mask & (IN_CREATE | IN_MOVED_TO)) != 0 && folder != folders_.end())
        add(folder->second / name);
      // A file that was made is looked at when it is written.
      if (is_folder || (event.mask & IN_CREATE) == 0) changed = true;
    }
  }
}

}  // namespace themis::cli
