#include "retort/report/document.h"

#include "retort/report/escape.h"
#include "retort/report/style.h"

namespace retort::report {

std::string document(const std::string& title, const std::string& body) {
  std::string html =
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/><meta name=\"viewport\" "
      "content=\"width=device-width, "
      "initial-scale=1\"/>"
      // No script runs and nothing is loaded, even if a class name contained HTML that was not
      // escaped.
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'; img-src data:\"/>"
      "<title>" +
      escape(title) + " · retort</title><style>";
  html += style();
  return html + "</style></head>\n<body><main>\n" + body +
         "<footer>Made by retort.</footer>\n</main></body></html>\n";
}

}  // namespace retort::report
