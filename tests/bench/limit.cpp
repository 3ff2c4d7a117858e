// The yardstick: pages of jobs from a raw socket, by simdjson straight into columns of jobs and of tasks.
// limit PORT PAGES ROWS prints the seconds it took; the next page is on its way while one is parsed.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "simdjson.h"

using namespace simdjson;

struct Texts {  // as Arrow keeps them: all characters in one place, and where each text ends
    std::string characters;
    std::vector<int64_t> ends;
    void add(ondemand::value value) {
        std::string_view text;
        if (!value.get_string().get(text)) characters.append(text);
        ends.push_back((int64_t)characters.size());
    }
};

struct Words {  // words that come again and again
    std::unordered_map<std::string, int32_t> known;
    std::vector<int32_t> codes;
    void add(ondemand::value value) {
        std::string_view text;
        if (value.get_string().get(text)) { codes.push_back(-1); return; }
        codes.push_back(known.try_emplace(std::string(text), (int32_t)known.size()).first->second);
    }
};

struct Times {  // microseconds; days from the civil date as the Gregorian calendar counts them
    std::vector<int64_t> moments;
    static int64_t number(const char *at, int digits) {
        int64_t value = 0;
        while (digits--) value = value * 10 + (*at++ - '0');
        return value;
    }
    void add(ondemand::value value) {
        std::string_view text;
        if (value.get_string().get(text) || text.size() < 24) { moments.push_back(INT64_MIN); return; }
        const char *at = text.data();
        int64_t year = number(at, 4), month = number(at + 5, 2), day = number(at + 8, 2);
        year -= month <= 2;
        int64_t era = year / 400, of_era = year - era * 400;
        int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
        int64_t days = era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
        int64_t seconds = ((days * 24 + number(at + 11, 2)) * 60 + number(at + 14, 2)) * 60 + number(at + 17, 2);
        moments.push_back((seconds * 1000 + number(at + 20, 3)) * 1000);
    }
};

static void ask(int socket_, int page, int rows) {
    char body[128], head[256];
    int length = snprintf(body, sizeof body, "{\"variables\":{\"offset\":%d,\"limit\":%d}}", page * rows, rows);
    int size = snprintf(head, sizeof head, "POST / HTTP/1.1\r\nHost: here\r\nContent-Length: %d\r\n\r\n%s", length, body);
    if (write(socket_, head, size) != size) exit(1);
}

static size_t answer(int socket_, std::vector<char> &buffer) {  // the body, at the start of the buffer
    size_t have = 0, begin = 0, length = 0;
    while (!begin || have < begin + length) {
        if (buffer.size() < have + (1 << 20)) buffer.resize(buffer.size() * 2);
        ssize_t more = read(socket_, buffer.data() + have, begin ? begin + length - have : 4096);
        if (more <= 0) exit(1);
        have += more;
        if (begin) continue;
        std::string_view seen(buffer.data(), have);
        size_t end = seen.find("\r\n\r\n"), at = seen.find("Content-Length: ");
        if (end == seen.npos) continue;
        begin = end + 4;
        length = strtoul(buffer.data() + at + 16, nullptr, 10);
        if (buffer.size() < begin + length + SIMDJSON_PADDING) buffer.resize(begin + length + SIMDJSON_PADDING);
    }
    memmove(buffer.data(), buffer.data() + begin, length);
    return length;
}

int main(int, char **given) {
    int port = atoi(given[1]), pages = atoi(given[2]), rows = atoi(given[3]);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(port);
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int socket_ = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(socket_, (sockaddr *)&where, sizeof where)) return 1;
    Texts job, name, target, task_job, task, task_name, message;
    Words status, cluster, application, schedule, task_status, engine, engine_name, category, reason;
    Times created, modified, task_created, queued, started, completed;
    std::vector<int64_t> order;
    std::vector<char> buffer(8 << 20);
    ondemand::parser parser;
    auto began = std::chrono::steady_clock::now();
    ask(socket_, 0, rows);
    for (int page = 0; page < pages; page++) {
        size_t length = answer(socket_, buffer);
        if (page + 1 < pages) ask(socket_, page + 1, rows);
        auto document = parser.iterate(buffer.data(), length, buffer.size());
        for (auto row : document["data"]["jobs"]["records"].get_array()) {
            auto one = row.get_object().value();
            std::string_view id = one["id"].get_string().value();
            job.characters.append(id);
            job.ends.push_back((int64_t)job.characters.size());
            name.add(one["name"]);
            status.add(one["status"]);
            created.add(one["createdDateTime"]);
            modified.add(one["modifiedDateTime"]);
            target.add(one["targetId"]);
            cluster.add(one["clusterId"]);
            application.add(one["applicationId"]);
            schedule.add(one["scheduledJobId"]);
            for (auto record : one["tasks"]["records"].get_array()) {
                auto each = record.get_object().value();
                task_job.characters.append(id);
                task_job.ends.push_back((int64_t)task_job.characters.size());
                task.add(each["id"]);
                task_name.add(each["name"]);
                task_status.add(each["status"]);
                order.push_back(each["order"].get_int64().value());
                task_created.add(each["createdDateTime"]);
                queued.add(each["queuedDateTime"]);
                started.add(each["startedDateTime"]);
                completed.add(each["completedDateTime"]);
                engine.add(each["engineId"]);
                auto by = each["engine"].get_object().value();
                engine_name.add(by["name"]);
                category.add(by["category"]["name"]);
                reason.add(each["failureReason"]);
                message.add(each["failureMessage"]);
            }
        }
    }
    std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    printf("%.6f %zu %zu\n", took.count(), job.ends.size(), task.ends.size());
}
