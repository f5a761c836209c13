#include "retort/report/gate_page.h"

#include "retort/report/document.h"
#include "retort/report/escape.h"

namespace retort::report {
namespace {

std::string cells(const GateClass& counts) {
  std::string row;
  const int64_t rejected = counts.other_class + counts.unsure + counts.duplicate;
  for (const int64_t value :
       {counts.kept + rejected, counts.kept, counts.other_class, counts.unsure, counts.duplicate})
    row += "<td class=\"n\">" + std::to_string(value) + "</td>";
  return row;
}

std::string counts_table(const GatePage& page) {
  GateClass all;
  std::string rows;
  for (const GateClass& each : page.classes) {
    all.kept += each.kept;
    all.other_class += each.other_class;
    all.unsure += each.unsure;
    all.duplicate += each.duplicate;
    rows += "<tr><td>" + escape(each.name) + "</td>" + cells(each) + "</tr>";
  }
  return "<div class=\"wide\"><table class=\"rows\"><thead><tr><th>class</th><th "
         "class=\"n\">images</th><th class=\"n\">kept</th><th "
         "class=\"n\">other class</th><th class=\"n\">unsure</th><th "
         "class=\"n\">duplicate</th></tr></thead><tbody>" +
         rows + "<tr class=\"own\"><td>all</td>" + cells(all) + "</tr></tbody></table></div>";
}

std::string gallery(const std::vector<GateImage>& images, const char* mark) {
  if (images.empty()) return "<p class=\"note\">None.</p>";
  std::string out = "<div class=\"samples\">";
  for (const GateImage& image : images)
    out += "<div class=\"sample\"><div class=\"picture\"><img alt=\"\" src=\"" + image.picture +
           "\"></div><span class=\"" + mark + "\">" + escape(image.caption) + "</span></div>";
  return out + "</div>";
}

}  // namespace

std::string render_html(const GatePage& page) {
  std::string body = "<header><h1>" + escape(page.title) + "</h1><p class=\"verdict\">" +
                     escape(page.rule) + "</p></header>\n<section><h2>Counts</h2>" +
                     counts_table(page) + "</section>\n";
  for (const GateClass& each : page.classes)
    body += "<section><h2>" + escape(each.name) + "</h2><h3>Kept: " + std::to_string(each.kept) +
            "</h3>" + gallery(each.kept_images, "good") +
            "<h3>Set aside: " + std::to_string(each.other_class + each.unsure + each.duplicate) +
            "</h3>" + gallery(each.rejected_images, "bad") + "</section>\n";
  return document(page.title, body);
}

}  // namespace retort::report
