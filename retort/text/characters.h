#pragma once

#include <string>
#include <vector>

namespace retort::text {

// In lower case, character by character. Throws Error on what is not UTF-8.
std::string lower_case(const std::string& text);

// What CLIP's tokenizer takes for words, of the text in Unicode's canonical composition and in
// lower case: 's, 't, 're, 've, 'm, 'll and 'd; runs of letters; single digits; runs of anything
// else but blanks. Throws Error on what is not UTF-8.
std::vector<std::string> clip_words(const std::string& text);

// The characters of the text. Throws Error on what is not UTF-8.
std::vector<std::string> characters(const std::string& text);

// A byte as GPT-2 writes it in its vocabulary: as a character that can be printed.
std::string printable_byte(unsigned char byte);

}  // namespace retort::text
