#include "tests/report/markup.h"

#include <cctype>
#include <set>

namespace retort::report {
namespace {

std::string at(const std::string& html, size_t place, const std::string& what) {
  return what + " at: " + html.substr(place, 80);
}

bool name_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == ':';
}

}  // namespace

std::string markup_error(const std::string& html) {
  static const std::set<std::string> void_tags = {"meta", "img", "br", "link", "hr"};
  std::vector<std::string> open;
  size_t i = 0;
  while (i < html.size()) {
    if (html[i] == '>') return at(html, i, "stray >");
    if (html[i] != '<') {
      ++i;
      continue;
    }
    const size_t start = i++;
    if (html[i] == '!') {
      i = html.find('>', i) + 1;
      continue;
    }
    const bool closing = html[i] == '/';
    if (closing) ++i;
    std::string name;
    while (i < html.size() && name_character(html[i])) name += html[i++];
    if (name.empty()) return at(html, start, "stray <");
    bool self_closing = false;
    while (i < html.size() && html[i] != '>') {
      if (html[i] == ' ') {
        ++i;
        continue;
      }
      if (html[i] == '/') {
        self_closing = true;
        ++i;
        continue;
      }
      std::string attribute;
      while (i < html.size() && name_character(html[i])) attribute += html[i++];
      if (attribute.empty() || html.compare(i, 2, "=\"") != 0)
        return at(html, start, "malformed attribute");
      const size_t end = html.find('"', i + 2);
      if (end == std::string::npos) return at(html, start, "attribute without an end");
      if (html.substr(i + 2, end - i - 2).find_first_of("<>") != std::string::npos)
        return at(html, start, "< or > in an attribute");
      i = end + 1;
      if (html[i] != ' ' && html[i] != '>' && html[i] != '/')
        return at(html, start, "attributes without a blank between them");
    }
    ++i;
    if (closing) {
      if (open.empty() || open.back() != name)
        return at(html, start,
                  "closes " + name + " inside " + (open.empty() ? "nothing" : open.back()));
      open.pop_back();
    } else if (!self_closing && !void_tags.contains(name)) {
      open.push_back(name);
    }
    if (!closing && name == "style") i = html.find("</style>", i);
  }
  return open.empty() ? "" : "never closes " + open.back();
}

std::vector<std::string> loads(const std::string& html) {
  std::vector<std::string> found;
  for (const char* what : {" src=\"", " href=\"", " srcset=\"", " data=\"", " action=\"",
                           " poster=\"", "url(", "@import"}) {
    for (size_t i = html.find(what); i != std::string::npos; i = html.find(what, i + 1)) {
      const size_t start = i + std::string(what).size();
      found.push_back(html.substr(start, html.find_first_of("\")", start) - start));
    }
  }
  return found;
}

size_t occurrences(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t i = text.find(part); i != std::string::npos; i = text.find(part, i + part.size()))
    ++count;
  return count;
}

}  // namespace retort::report
