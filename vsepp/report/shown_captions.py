"""The captions of a split as a page shows them."""

from vsepp.report.thumbnails import Thumbnails
from vsepp.report.web_page import words


class ShownCaptions:
    """Of each image what a captioner wrote, what people wrote, and the photograph.

    Args:
        captioned: see :func:`~vsepp.report.caption_page.caption_page`.

    Attributes:
        dataset, result: as given.
        made: of each image the record of the sentence that was scored.
        people: all that people wrote, image after image.
        cider: float64 ``[n_images]``, CIDEr-D × 100: their mean is the score.
        thumbnails: of the photographs.
    """

    def __init__(self, captioned):
        self.dataset, self.result = captioned.dataset, captioned.result
        self.made = [records[0] for records in captioned.sentences]
        self.people = captioned.dataset.sentences()
        self.cider = 100 * captioned.result.statistics.cider
        self.thumbnails = Thumbnails(captioned.dataset)

    def people_of(self, image_id):
        """What people wrote of an image."""
        count = self.dataset.captions_per_image
        return self.people[image_id * count : (image_id + 1) * count]

    def headline(self, image_id, name=None):
        """The made caption and its scores, as HTML; with the image's name where one is given."""
        made = self.made[image_id]
        named = f"{words(name)}, " if name else ""
        return (
            f'<p class="words">{words(made.sentence)}</p><p class="note">{named}CIDEr-D '
            f"{self.cider[image_id]:.1f}, log-probability {_signed(made.log_probability)}</p>"
        )

    def picture(self, image_id, size):
        """The photograph, whole, above its name."""
        return (
            f"<figure>{self.thumbnails.html(image_id, size, square=False)}<figcaption>"
            f"{words(self.thumbnails.name(image_id))}</figcaption></figure>"
        )


def _signed(value):
    return f"{value:.1f}".replace("-", "−")
