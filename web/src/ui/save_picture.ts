// A drawing as a PNG file, as it looks in this theme: what the page's styles say of it is written into a copy, which is
// painted at twice its size (less where a canvas would not take it).
import { saveFile } from './save';

const kStyles = [
  'fill',
  'stroke',
  'stroke-width',
  'stroke-dasharray',
  'font-family',
  'font-size',
  'font-weight',
  'opacity',
];
const kScale = 2;
const kSideMax = 16_000; // pixels, of a canvas in today's browsers

export function savePicture(name: string, drawing: SVGSVGElement) {
  const copy = drawing.cloneNode(true) as SVGSVGElement;
  const drawn = drawing.querySelectorAll('*');
  copy.querySelectorAll('*').forEach((element, i) => {
    const style = getComputedStyle(drawn[i]);
    for (const each of kStyles) element.setAttribute(each, style.getPropertyValue(each));
  });
  const { width, height } = drawing.getBoundingClientRect();
  const scale = Math.min(kScale, kSideMax / width, kSideMax / height);
  const image = new Image();
  image.onload = () => {
    const canvas = document.createElement('canvas');
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    const paper = canvas.getContext('2d')!;
    paper.fillStyle = getComputedStyle(document.body).backgroundColor;
    paper.fillRect(0, 0, canvas.width, canvas.height);
    paper.drawImage(image, 0, 0, canvas.width, canvas.height);
    canvas.toBlob((blob) => blob && saveFile(`${name}.png`, 'image/png', blob));
  };
  image.src = `data:image/svg+xml,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
}
