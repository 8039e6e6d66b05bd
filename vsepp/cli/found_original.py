"""A photograph that is in a data set, and what is written of it there."""


def find_original(path, folder):
    """Where a photograph stands in a data set, whose sentences about it are printed.

    Args:
        path: the photograph.
        folder: the prepared data set's folder, a ``Path``.

    Returns:
        (its ``CaptionDataset``, its position, its sentences, each once), or three times None.
    """
    from vsepp.data.karpathy import SPLITS
    from vsepp.retrieval.gallery import same_photograph

    splits = [split for split in SPLITS if (folder / f"{split}_data.json").exists()]
    dataset, image_id = same_photograph(path, folder, splits)
    if dataset is None:
        return None, None, None
    sentences, per_image = dataset.sentences(), dataset.captions_per_image
    written = sentences[image_id * per_image : (image_id + 1) * per_image]
    originals = list(dict.fromkeys(written))
    print(f"{path} is in the {dataset.split} split; its own descriptions:")
    for sentence in originals:
        print(f"  {sentence}")
    return dataset, image_id, originals
