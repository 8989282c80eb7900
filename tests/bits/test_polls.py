"""How much work lies between two questions whether to go on, counted in terms: tests/c/polls_check.c."""

import builds
import pytest
from test_builds import available

PLAIN = builds.BUILDS[1]

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group(str(PLAIN))]


def test_long_calls_ask_after_so_much_work_and_end_where_they_are_told_to(tmp_path):
    made = builds.compile_all(PLAIN, ["tests/c/polls_check.c"], tmp_path)
    program = builds.link(PLAIN, builds.objects(available(PLAIN)) + made, tmp_path / "polls_check")
    assert builds.execute([str(program)]).count("questions") == 10 * 2 * 9
